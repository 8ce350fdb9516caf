//! The service account for the eyes of administrators.

use jiff::Timestamp;
use portico_domain::{
    ids::WeChatAccountId,
    wechat::{AppId, Mode, Secrets, Verification},
};
use portico_store::WeChatAccount;
use serde::Serialize;
use utoipa::ToSchema;

/// The service account that is bound.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WeChatAccount)]
pub(crate) struct AccountView {
    /// Names it in the address of its pushes.
    account: WeChatAccountId,
    /// Its AppID.
    app_id: AppId,
    /// How pushes arrive.
    mode: Mode,
    /// The address to enter at WeChat for its pushes.
    #[schema(format = "uri")]
    events: String,
    /// The file by which WeChat sees that the host is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
    /// When it was bound (UTC).
    #[schema(value_type = String, format = DateTime)]
    bound_at: Timestamp,
    /// Which secrets are kept.
    secrets: KeptSecrets,
}

/// Which secrets of the account are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptSecrets {
    /// The AppSecret.
    app_secret: bool,
    /// The token that signs pushes.
    token: bool,
    /// The EncodingAESKey of the safe mode.
    aes_key: bool,
}

impl AccountView {
    /// An account whose pushes come to this origin; without secrets where they are lost, so that all of them are to be given anew.
    pub(crate) fn new(account: &WeChatAccount, secrets: Option<&Secrets>, origin: &str) -> Self {
        let aes_key = secrets.is_some_and(|secrets| secrets.aes_key.is_some());
        Self {
            account: account.id,
            app_id: account.app.clone(),
            mode: account.mode,
            events: format!("{origin}/v1/wechat/events/{}", account.id),
            verification: account.verification.clone(),
            bound_at: account.bound_at,
            secrets: KeptSecrets { app_secret: secrets.is_some(), token: secrets.is_some(), aes_key },
        }
    }
}
