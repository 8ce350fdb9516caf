//! The same words once more (B4).

use jiff::Timestamp;

use super::{Channel, Message, Prices, Route, State};
use crate::ids::MessageId;

/// Why a message is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRepeated {
    /// It carries what is good once.
    #[error("it carries what is good once")]
    Kind,
    /// Nothing leads to its recipient by that channel, or at all any more.
    #[error("its recipient cannot be reached this way")]
    Route,
}

impl Message {
    /// The ways by which it can be sent again, the best first.
    pub fn repeatable_by(&self) -> Vec<Channel> {
        if !self.kind.is_repeatable() {
            return Vec::new();
        }
        self.routes.iter().map(|route| route.channel).collect()
    }

    /// The message once more, as `id` at `at`, for today's prices: by `channel`, else by the way that it went. Should that refuse, the
    /// other ways follow as ever (F72).
    pub fn repeated(&self, id: MessageId, at: Timestamp, channel: Option<Channel>, prices: &Prices) -> Result<Self, NotRepeated> {
        if !self.kind.is_repeatable() {
            return Err(NotRepeated::Kind);
        }
        let wanted = channel.unwrap_or(self.channel);
        let priced = |route: &Route| Route { cost: prices.cost(route.channel, route.parts), ..route.clone() };
        let (first, others): (Vec<_>, Vec<_>) = self.routes.iter().map(priced).partition(|route| route.channel == wanted);
        let (parts, cost) = first.first().map(|route| (route.parts, route.cost)).ok_or(NotRepeated::Route)?;
        Ok(Self {
            id,
            routes: first.into_iter().chain(others).collect(),
            route: 0,
            channel: wanted,
            parts,
            cost,
            paid: prices.debit(cost),
            state: State::Queued,
            attempts: 0,
            provider_id: None,
            error: None,
            repeats: Some(self.id),
            created_at: at,
            changed_at: at,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::{Kind, Money};

    fn message(kind: Kind) -> Message {
        let id = MessageId::new(Timestamp::UNIX_EPOCH, 1).to_string();
        let route = |channel: &str, to: &str, parts: u32| json!({ "channel": channel, "to": { "address": to }, "text": "x", "parts": parts, "cost": 1 });
        serde_json::from_value(json!({
            "id": id, "portal": id, "organisation": id, "kind": kind, "owner": "USER#x", "hint": "l***@example.com", "portalName": "Acme",
            "locale": "en", "routes": [route("sms", "+8613800138000", 2), route("email", "li@example.com", 1)], "route": 0,
            "channel": "sms", "parts": 2, "paid": 1, "cost": 1, "state": "parked", "attempts": 6, "providerId": "p", "error": "e",
            "createdAt": "1970-01-01T00:00:00Z", "changedAt": "1970-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_repetition_begins_anew_by_the_way_that_was_chosen() {
        let (at, prices) = (Timestamp::from_second(1_800_000_000).unwrap(), Prices { prepaid: true, ..Prices::default() });
        let (id, before) = (MessageId::new(at, 2), message(Kind::Approved));
        assert_eq!(before.repeatable_by(), [Channel::Sms, Channel::Email]);
        let again = before.repeated(id, at, Some(Channel::Email), &prices).unwrap();
        assert_eq!((again.channel, again.route, again.parts, again.attempts), (Channel::Email, 0, 1, 0));
        assert_eq!((again.cost, again.paid), (prices.email, prices.email), "B4: for today's prices");
        assert_eq!((again.id, again.repeats, again.state, again.created_at), (id, Some(before.id), State::Queued, at));
        assert_eq!((again.provider_id.as_ref(), again.error.as_ref()), (None, None));
        assert_eq!(again.repeatable_by(), [Channel::Email, Channel::Sms], "F72: the other way stays");
        let same = before.repeated(id, at, None, &Prices::default()).unwrap();
        assert_eq!((same.channel, same.cost, same.paid), (Channel::Sms, Money::thousandths(100), Money::ZERO));
    }

    #[test]
    fn what_is_good_once_or_leads_nowhere_is_not_sent_again() {
        let (id, at) = (MessageId::new(Timestamp::UNIX_EPOCH, 2), Timestamp::UNIX_EPOCH);
        let repeat = |message: &Message, channel| message.repeated(id, at, channel, &Prices::default()).map(|_| ());
        for kind in [Kind::Code, Kind::Invitation] {
            assert_eq!(repeat(&message(kind), None), Err(NotRepeated::Kind));
            assert_eq!(message(kind).repeatable_by(), []);
        }
        assert_eq!(repeat(&message(Kind::Approved), Some(Channel::Wechat)), Err(NotRepeated::Route));
        let erased = Message { routes: Vec::new(), ..message(Kind::Approved) };
        assert_eq!((repeat(&erased, None), erased.repeatable_by()), (Err(NotRepeated::Route), vec![]), "S69");
    }
}
