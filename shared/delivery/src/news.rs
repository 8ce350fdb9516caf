//! From news to the mails of administrators (F20, F48).

use portico_domain::{
    member::Member,
    message::{MessageSettings, News, NewsEvent, Person},
    portal::Portal,
};
use portico_messaging::{About, Birth, Recipient};
use portico_store::{NewsPlace, StoreError};

use crate::Delivery;

impl Delivery {
    /// Writes the mails by which administrators hear of news: each once, however often this is done (R14). How many were written.
    pub async fn tell(&self, place: NewsPlace) -> Result<usize, StoreError> {
        let Some(news) = self.store.open_news(place).await? else { return Ok(0) };
        let told = match self.store.portal(news.portal).await? {
            Some(portal) => self.tell_members(&news, &portal).await?,
            None => 0,
        };
        self.store.news_told(place).await?;
        Ok(told)
    }

    async fn tell_members(&self, news: &News, portal: &Portal) -> Result<usize, StoreError> {
        let settings = self.store.message_settings(portal.id).await?.settings;
        if !settings.tell_administrators || news.is_stale(self.deployment.clock().now(), self.not_before) {
            return Ok(0);
        }
        let who = self.who(news, portal).await?;
        let about = match &news.event {
            NewsEvent::SignedUp { pending, .. } => About::SignedUp(who.as_deref(), *pending),
            NewsEvent::RegistrationClosed { closed_at } => About::RegistrationClosed(closed_at),
        };
        let mut told = 0;
        for member in self.store.members(news.organisation).await? {
            told += usize::from(self.tell_member(news, portal, &member, about, &settings).await?);
        }
        Ok(told)
    }

    async fn tell_member(
        &self,
        news: &News,
        portal: &Portal,
        member: &Member,
        about: About<'_>,
        settings: &MessageSettings,
    ) -> Result<bool, StoreError> {
        if !member.may(news.event.concerns()) {
            return Ok(false);
        }
        let birth = Birth { at: news.at, id: news.message_to(member.id) };
        let to = Recipient::member(member);
        // What names a user is theirs: it is erased with them (S69).
        let to = match &news.event {
            NewsEvent::SignedUp { user, .. } => Recipient { person: Person::User(*user), ..to },
            NewsEvent::RegistrationClosed { .. } => to,
        };
        let Some(message) = self.outbox.message(birth, portal, &to, about, settings) else { return Ok(false) };
        self.store.post(&message).await?;
        Ok(true)
    }

    /// The name of who signed up, if they gave one and are still there.
    async fn who(&self, news: &News, portal: &Portal) -> Result<Option<String>, StoreError> {
        let NewsEvent::SignedUp { user, .. } = &news.event else { return Ok(None) };
        let user = self.store.user(portal.id, *user).await?;
        Ok(user.and_then(|user| user.name().map(str::to_owned)))
    }
}
