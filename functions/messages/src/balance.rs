//! What an organisation can spend on messages (F42), and what they cost (F38).

use axum::{Json, extract::State};
use http::StatusCode;
use jiff::Timestamp;
use portico_domain::{
    ids::{MemberId, MessageId, OrganisationId},
    message::Money,
    text::Text,
};
use portico_http::{Body, CurrentMember, Problem, Problems};
use portico_runtime::entropy;
use portico_store::TopUp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Messages;

/// The largest payment, in the deployment's currency.
const MOST: Money = Money::thousandths(1_000_000_000);

/// What the organisation can spend, and what messages cost.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Balance {
    /// What is left. It counts only while `prepaid`.
    #[schema(example = "12.50")]
    balance: String,
    /// The currency of all amounts.
    #[schema(example = "CNY")]
    currency: String,
    /// Whether messages are paid from the balance, and go out only as long as it lasts.
    prepaid: bool,
    /// For each part of an SMS.
    #[schema(example = "0.05")]
    sms_part_price: String,
    /// For an email.
    #[schema(example = "0.03")]
    email_price: String,
    /// The payments, the newest first; at most a hundred.
    top_ups: Vec<TopUpView>,
}

/// A payment into the balance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TopUp)]
pub(crate) struct TopUpView {
    id: String,
    #[schema(example = "100.00")]
    amount: String,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    remark: Option<Text<200>>,
    /// The member who entered it; absent where the operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<MemberId>,
    /// When (UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<TopUp> for TopUpView {
    fn from(TopUp { id, amount, remark, by, at }: TopUp) -> Self {
        Self { id, amount: amount.to_string(), remark, by, at }
    }
}

/// A payment to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTopUp {
    /// Names the payment, such as the number of an invoice: the same one twice counts once. A new one if absent.
    #[schema(value_type = Option<String>, max_length = 60)]
    id: Option<Text<60>>,
    /// How much: not 0, at most 1,000,000; below 0 takes away.
    #[schema(example = "100.00")]
    amount: String,
    /// What for.
    #[schema(value_type = Option<String>, max_length = 200)]
    remark: Option<Text<200>>,
}

impl NewTopUp {
    fn amount(&self) -> Result<Money, Problem> {
        let amount: Money = self.amount.parse().map_err(|error| Problem::invalid("/amount", "invalid", format!("{error}")))?;
        let fits = amount != Money::ZERO && (-MOST..=MOST).contains(&amount);
        if fits { Ok(amount) } else { Err(Problem::invalid("/amount", "invalid", format!("must not be 0, and at most {MOST}"))) }
    }
}

/// See the balance
#[utoipa::path(get, path = "/v1/admin/organisation/balance", operation_id = "readBalance", tag = "administration", security(("administrator" = [])),
    responses((status = 200, description = "What is left, what was paid, and the prices", body = Balance), Problems))]
pub(crate) async fn read(State(messages): State<Messages>, member: CurrentMember) -> Result<Json<Balance>, Problem> {
    show(&messages, member.member.organisation).await.map(Json)
}

async fn show(messages: &Messages, organisation: OrganisationId) -> Result<Balance, Problem> {
    let (balance, mut top_ups) = (messages.store.balance(organisation).await?, messages.store.top_ups(organisation).await?);
    top_ups.sort_by_key(|top_up| std::cmp::Reverse(top_up.at));
    let prices = messages.outbox.prices();
    Ok(Balance {
        balance: balance.to_string(),
        currency: messages.currency.clone(),
        prepaid: prices.prepaid,
        sms_part_price: prices.sms_part.to_string(),
        email_price: prices.email.to_string(),
        top_ups: top_ups.into_iter().map(TopUpView::from).collect(),
    })
}

/// Enter a payment
#[utoipa::path(post, path = "/v1/admin/organisation/top-ups", operation_id = "topUp", tag = "administration", security(("administrator" = [])), request_body = NewTopUp,
    responses((status = 201, description = "It counts: the balance as it is now", body = Balance), (status = 200, description = "It counted before: the balance as it is now", body = Balance), Problems))]
pub(crate) async fn top_up(
    State(messages): State<Messages>,
    member: CurrentMember,
    Body(new): Body<NewTopUp>,
) -> Result<(StatusCode, Json<Balance>), Problem> {
    let (organisation, at, amount) = (member.member.organisation, messages.clock.now(), new.amount()?);
    let id = match new.id {
        Some(id) => id.as_str().to_owned(),
        None => MessageId::new(at, entropy::wide().map_err(Problem::internal)?).to_string(),
    };
    let top_up = TopUp { id, amount, remark: new.remark, by: Some(member.member.id), at };
    let status = if messages.store.top_up(organisation, &top_up).await? { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(show(&messages, organisation).await?)))
}
