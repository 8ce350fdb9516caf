//! The global token of a service account: fetched once for all callers, renewed before its end, fetched again when WeChat no longer
//! takes it.
//!
//! WeChat grants few tokens a day. Whoever finds none takes a turn by a conditional write and fetches it; the others wait for that one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portico_domain::{ids::OrganisationId, wechat::AppId};
use portico_runtime::entropy;
use portico_store::{StoredToken, TokenLease, TokenState};
use portico_wechat::Error;

use crate::{
    AccessError,
    keys::Keys,
    sealing::{open, seal},
    wechat::{ServiceAccount, ServiceAccounts, ServiceError, lower},
};

/// How long before its end a token is renewed: for so long WeChat takes the old one beside the new one.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// How long a caller waits before it looks again for a token that somebody else fetches.
const PAUSE: Duration = Duration::from_millis(150);
/// How often it looks: longer in all than a fetch may take.
const LOOKS: u32 = 40;

impl ServiceAccounts {
    /// Makes a call with the global token of an account. If WeChat no longer takes the token, the call is made once more with a fresh
    /// one: it did nothing the first time.
    pub async fn with_token<T, F>(&self, account: &ServiceAccount, call: impl Fn(String) -> F) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (token, state) = self.global_token(account).await?;
        match call(token).await {
            Err(Error::TokenStale) => {
                self.store.drop_wechat_token(account.stored.organisation, &state).await?;
                let (token, _) = self.global_token(account).await?;
                Ok(call(token).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// A token that lasts, with the state that it was found in.
    async fn global_token(&self, account: &ServiceAccount) -> Result<(String, TokenState), ServiceError> {
        let organisation = account.stored.organisation;
        for _ in 0..LOOKS {
            let now = self.deployment.clock().now();
            let state = self.store.wechat_token(organisation).await?;
            let found = self.usable(account, &state, now).await?;
            if let Some((token, left)) = &found
                && *left > RENEWED_BEFORE
            {
                return Ok((token.clone(), state));
            }
            let turn = entropy::bytes().map_err(lower)?;
            if let Some(lease) = self.store.lease_wechat_token(organisation, &state, turn, now).await? {
                return self.fetch(account, &lease, state).await;
            }
            // Somebody renews it; until its end it is as good as the new one.
            if let Some((token, _)) = found {
                return Ok((token, state));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(ServiceError::Busy)
    }

    async fn fetch(&self, account: &ServiceAccount, lease: &TokenLease, before: TokenState) -> Result<(String, TokenState), ServiceError> {
        let organisation = account.stored.organisation;
        let fetched = self.wechat.stable_token(&account.stored.app, &account.secrets.app_secret).await;
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                self.store.release_wechat_token(organisation, lease).await?;
                return Err(error.into());
            }
        };
        let keys = self.keyring.current().await.map_err(lower)?;
        let now = self.deployment.clock().now();
        let token = StoredToken {
            app: account.stored.app.clone(),
            sealed: seal(&keys, Keys::wechat, &token_of(organisation, &account.stored.app), fetched.value.as_bytes())?,
            expires_at: now.saturating_add(fetched.expires_in).unwrap_or(now),
        };
        self.store.keep_wechat_token(organisation, lease, &token).await?;
        Ok((fetched.value, TokenState { token: Some(token), revision: before.revision + 1 }))
    }

    /// The token that is kept, if it is this account's, not over and can be opened, with the time that it has left.
    async fn usable(
        &self,
        account: &ServiceAccount,
        state: &TokenState,
        now: Timestamp,
    ) -> Result<Option<(String, SignedDuration)>, ServiceError> {
        let Some(token) = state.token.as_ref().filter(|token| token.app == account.stored.app && now < token.expires_at) else {
            return Ok(None);
        };
        let Some(keys) = self.keyring.version(&token.sealed.secret_version).await.map_err(lower)? else { return Ok(None) };
        let owner = token_of(account.stored.organisation, &token.app);
        let text = String::from_utf8(open(&keys, Keys::wechat, &owner, &token.sealed)?);
        let text = text.map_err(|_| AccessError::Crypto("a stored token is no text"))?;
        Ok(Some((text, token.expires_at.duration_since(now))))
    }
}

fn token_of(organisation: OrganisationId, app: &AppId) -> Vec<u8> {
    format!("token {organisation} {}", app.as_str()).into_bytes()
}
