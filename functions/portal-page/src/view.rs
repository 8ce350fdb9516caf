//! What the page is told of its portal: public settings only.

use jiff::Timestamp;
use portico_domain::{
    address::Country,
    design::{Colour, Layout, PictureUrl},
    ids::PortalId,
    locale::Locale,
    portal::{Access, Accounts, AgreementHead, Link, Portal, Profile},
    suffix::Suffix,
    window::WindowState,
};
use portico_http::SessionView;
use serde::Serialize;

/// The settings that the page reads at its start.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageView<'a> {
    id: PortalId,
    name: &'a str,
    link: &'a Suffix,
    locale: Locale,
    design: DesignView<'a>,
    accounts: Accounts,
    password: bool,
    wechat: Option<WeChatView>,
    agreement: Option<AgreementHead>,
    profile: Profile,
    countries: &'a [Country],
    seven_days: bool,
    access: Access,
    registration: RegistrationView<'a>,
    enabled: bool,
    session: Option<SessionView>,
}

/// That WeChat works here.
#[derive(Debug, Serialize)]
struct WeChatView {
    /// Whether they must follow the service account (F17).
    follow: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DesignView<'a> {
    title: &'a str,
    logo: Option<&'a PictureUrl>,
    background: Option<&'a Colour>,
    background_image: Option<&'a PictureUrl>,
    accent: &'a Colour,
    layout: Layout,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationView<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
}

impl<'a> PageView<'a> {
    pub(crate) fn new(
        portal: &'a Portal,
        link: &'a Link,
        locale: Locale,
        session: Option<SessionView>,
        wechat: bool,
        now: Timestamp,
    ) -> Self {
        let settings = &portal.settings;
        let window = settings.registration.window.as_ref();
        let state = match portal.registration(now) {
            WindowState::NotYet => "notYet",
            WindowState::Open => "open",
            WindowState::Closed => "closed",
        };
        Self {
            id: portal.id,
            name: settings.name.as_str(),
            link: &link.suffix,
            locale,
            design: DesignView {
                title: title(portal),
                logo: settings.design.logo.as_ref(),
                background: settings.design.background.as_ref(),
                background_image: settings.design.background_image.as_ref(),
                accent: &settings.design.accent,
                layout: settings.design.layout,
            },
            accounts: portal.accounts_at(Some(link)),
            password: portal.password_at(Some(link)),
            wechat: wechat.then_some(WeChatView { follow: settings.sign_in.wechat.follow }),
            agreement: portal.agreement,
            profile: settings.profile,
            countries: &settings.sign_in.countries,
            seven_days: settings.sign_in.seven_days,
            access: settings.access,
            registration: RegistrationView {
                state,
                opens_at: window.and_then(|window| window.opens_at()),
                closes_at: window.and_then(|window| window.closes_at()),
                zone: window.map(|window| window.zone()),
            },
            enabled: settings.enabled,
            session,
        }
    }
}

/// The title of the page: its own, else the portal's name (F8).
pub(crate) fn title(portal: &Portal) -> &str {
    portal.settings.design.title.as_ref().map_or(portal.settings.name.as_str(), |title| title.as_str())
}
