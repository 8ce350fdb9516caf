//! What messages cost (F38), and balances (F42): thousandths of the deployment's currency, so that nothing is ever rounded.

use std::{fmt, ops::Neg, str::FromStr};

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

use super::Channel;

/// How many places after the point an amount has.
const PLACES: u32 = 3;

/// An amount of money: thousandths of the deployment's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// Not an amount such as `12` or `0.05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an amount such as 0.05, with at most {PLACES} places after the point")]
pub struct InvalidMoney;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of so many thousandths.
    pub const fn thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// Its thousandths.
    pub const fn to_thousandths(self) -> i64 {
        self.0
    }

    /// So many times as much.
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count.into()))
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let amount = Decimal::from_str_exact(text).map_err(|_| InvalidMoney)?;
        let thousandths = amount.checked_mul(Decimal::ONE_THOUSAND).ok_or(InvalidMoney)?;
        if !thousandths.is_integer() { Err(InvalidMoney) } else { thousandths.to_i64().map(Self).ok_or(InvalidMoney) }
    }
}

impl fmt::Display for Money {
    /// At least two places: `0.05`, `12.00`, `0.045`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = Decimal::new(self.0, PLACES).normalize();
        let places = usize::try_from(amount.scale().max(2)).unwrap_or(2);
        write!(f, "{amount:.places$}")
    }
}

/// What the deployment takes for messages (F38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// For each part of an SMS.
    pub sms_part: Money,
    /// For an email.
    pub email: Money,
    /// Whether organisations pay from a balance, and send only as long as it lasts (F42).
    pub prepaid: bool,
}

impl Default for Prices {
    fn default() -> Self {
        Self { sms_part: Money(50), email: Money(30), prepaid: false }
    }
}

impl Prices {
    /// What a message of so many parts costs.
    pub fn cost(&self, channel: Channel, parts: u32) -> Money {
        match channel {
            Channel::Sms => self.sms_part.times(parts),
            Channel::Email => self.email,
            Channel::Wechat => Money::ZERO,
        }
    }

    /// What is taken from the balance for that.
    pub fn debit(&self, cost: Money) -> Money {
        if self.prepaid { cost } else { Money::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_and_shown_with_two_places_or_three() {
        for (text, thousandths, shown) in [
            ("0.05", 50, "0.05"),
            ("12", 12_000, "12.00"),
            ("0.045", 45, "0.045"),
            ("-3.5", -3_500, "-3.50"),
            ("0", 0, "0.00"),
            ("7.100", 7_100, "7.10"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.to_thousandths(), money.to_string().as_str()), (thousandths, shown));
        }
        for bad in ["", "a", "0.0005", "1,5", "1e3", "99999999999999999999", " 1"] {
            assert_eq!(bad.parse::<Money>(), Err(InvalidMoney), "{bad}");
        }
    }

    #[test]
    fn parts_are_paid_for_one_by_one_and_mails_as_a_whole() {
        let prices = Prices::default();
        assert_eq!(prices.cost(Channel::Sms, 3).to_string(), "0.15");
        assert_eq!(prices.cost(Channel::Email, 1).to_string(), "0.03");
        assert_eq!(prices.cost(Channel::Wechat, 1), Money::ZERO);
        assert_eq!(prices.debit(Money::thousandths(50)), Money::ZERO);
        assert_eq!(Prices { prepaid: true, ..prices }.debit(Money::thousandths(50)).to_string(), "0.05");
    }
}
