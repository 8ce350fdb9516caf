//! The WeChat service accounts of organisations (F82), with their secrets opened.

use portico_domain::{
    ids::{OrganisationId, WeChatAccountId},
    wechat::{AppId, GivenSecrets, MissingSecret, Mode, Secrets, Verification},
};
use portico_runtime::{Deployment, MissingVariable, entropy};
use portico_store::{BindError, Sealed, Store, WeChatAccount};
use portico_wechat::{Receiver, WeChat};

use crate::{
    AccessError, Keyring,
    keys::Keys,
    sealing::{open, seal},
};

/// A service account that can be used.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// As it is stored.
    pub stored: WeChatAccount,
    /// Its secrets. Never answered (S66).
    pub secrets: Secrets,
}

impl ServiceAccount {
    /// What takes its pushes.
    pub fn receiver(&self) -> Receiver<'_> {
        Receiver { app: &self.stored.app, mode: self.stored.mode, secrets: &self.secrets }
    }
}

/// What an administrator sets.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The service account.
    pub app: AppId,
    /// Its secrets; what is omitted is kept.
    pub given: GivenSecrets,
    /// How its pushes arrive.
    pub mode: Mode,
    /// The file by which WeChat sees that the host is ours.
    pub verification: Option<Verification>,
}

/// Why a service account could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// WeChat did not do what it should.
    #[error(transparent)]
    WeChat(#[from] portico_wechat::Error),
    /// The secrets were sealed under a version of the deployment's secret that is gone: they are to be given anew.
    #[error("the secrets of the service account were sealed under a version of the deployment's secret that is gone")]
    SecretsLost,
    /// Nobody fetched a token within the time that a caller can wait.
    #[error("no global token within the time")]
    Busy,
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<ServiceError> for AccessError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::WeChat(error) => Self::WeChat(error),
            ServiceError::SecretsLost => Self::SecretsLost,
            ServiceError::Busy => Self::Busy,
            ServiceError::Access(error) => error,
        }
    }
}

impl From<portico_store::StoreError> for ServiceError {
    fn from(error: portico_store::StoreError) -> Self {
        Self::Access(error.into())
    }
}

/// Why a service account was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// A secret is needed that was not given and is not kept.
    #[error(transparent)]
    Missing(#[from] MissingSecret),
    /// The tables refuse it.
    #[error(transparent)]
    Refused(#[from] BindError),
    /// WeChat does not take the credentials, or another reason.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The service accounts of the deployment. `Debug` shows nothing.
pub struct ServiceAccounts {
    pub(crate) deployment: Deployment,
    pub(crate) store: Store,
    pub(crate) keyring: Keyring,
    pub(crate) wechat: WeChat,
}

impl std::fmt::Debug for ServiceAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceAccounts")
    }
}

impl ServiceAccounts {
    /// Over these tables.
    pub fn open(deployment: &Deployment, store: &Store) -> Result<Self, MissingVariable> {
        let wechat = WeChat::open(deployment)?;
        Ok(Self { deployment: deployment.clone(), store: store.clone(), keyring: Keyring::new(deployment), wechat })
    }

    /// What WeChat is asked through.
    pub fn wechat(&self) -> &WeChat {
        &self.wechat
    }

    /// The account of an organisation with its secrets, if they can be opened: for who sets them.
    pub async fn kept_for(&self, organisation: OrganisationId) -> Result<Option<(WeChatAccount, Option<Secrets>)>, ServiceError> {
        let Some(stored) = self.store.wechat_account(organisation).await? else { return Ok(None) };
        let secrets = self.kept(stored.clone()).await?;
        Ok(Some((stored, secrets)))
    }

    /// The account of an organisation, ready to be used.
    pub async fn of_organisation(&self, organisation: OrganisationId) -> Result<Option<ServiceAccount>, ServiceError> {
        match self.store.wechat_account(organisation).await? {
            Some(stored) => self.opened(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// The account whose pushes come to this address, ready to be used.
    pub async fn of_pushes(&self, account: WeChatAccountId) -> Result<Option<ServiceAccount>, ServiceError> {
        match self.store.wechat_account_of_pushes(account).await? {
            Some(stored) => self.opened(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// Binds a service account to an organisation, or changes the one that is bound. WeChat must know the credentials.
    pub async fn bind(&self, organisation: OrganisationId, binding: Binding) -> Result<(WeChatAccount, Secrets), BindingError> {
        let now = self.deployment.clock().now();
        let before = self.store.wechat_account(organisation).await.map_err(ServiceError::from)?;
        let same = before.clone().filter(|before| before.app == binding.app);
        let kept = match same.clone() {
            Some(before) => self.kept(before).await?,
            None => None,
        };
        let secrets = binding.given.over(kept, binding.mode)?;
        self.wechat.stable_token(&binding.app, &secrets.app_secret).await.map_err(ServiceError::from)?;
        let account = WeChatAccount {
            id: match &before {
                Some(before) => before.id,
                None => WeChatAccountId::new(now, entropy::wide().map_err(lower)?),
            },
            organisation,
            secrets: self.sealed(organisation, &binding.app, &secrets).await?,
            app: binding.app,
            mode: binding.mode,
            verification: binding.verification,
            bound_at: same.map_or(now, |before| before.bound_at),
            revision: before.as_ref().map_or(1, |before| before.revision + 1),
        };
        self.store.bind_wechat(&account, before.as_ref()).await?;
        Ok((account, secrets))
    }

    /// The secrets that are kept; none if they are lost, so that giving all of them anew helps.
    async fn kept(&self, before: WeChatAccount) -> Result<Option<Secrets>, ServiceError> {
        match self.opened(before).await {
            Ok(account) => Ok(Some(account.secrets)),
            Err(ServiceError::SecretsLost) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the secrets of an account; under an older version of the deployment's secret they are sealed anew at once, because the
    /// version will be gone after the next rotation.
    async fn opened(&self, stored: WeChatAccount) -> Result<ServiceAccount, ServiceError> {
        let keys = self.keyring.version(&stored.secrets.secret_version).await.map_err(lower)?.ok_or(ServiceError::SecretsLost)?;
        let text = open(&keys, Keys::wechat, &secrets_of(stored.organisation, &stored.app), &stored.secrets)?;
        let secrets =
            serde_json::from_slice(&text).map_err(|_| AccessError::Crypto("stored secrets of a service account are malformed"))?;
        let current = self.keyring.current().await.map_err(lower)?;
        if current.version() != keys.version() {
            let sealed = self.sealed(stored.organisation, &stored.app, &secrets).await?;
            self.store.reseal_wechat(&stored, &sealed).await?;
        }
        Ok(ServiceAccount { stored, secrets })
    }

    async fn sealed(&self, organisation: OrganisationId, app: &AppId, secrets: &Secrets) -> Result<Sealed, ServiceError> {
        let keys = self.keyring.current().await.map_err(lower)?;
        let text = serde_json::to_vec(secrets).map_err(|_| AccessError::Crypto("secrets could not be written"))?;
        Ok(seal(&keys, Keys::wechat, &secrets_of(organisation, app), &text)?)
    }
}

pub(crate) fn lower(error: impl Into<AccessError>) -> ServiceError {
    ServiceError::Access(error.into())
}

fn secrets_of(organisation: OrganisationId, app: &AppId) -> Vec<u8> {
    format!("secrets {organisation} {}", app.as_str()).into_bytes()
}
