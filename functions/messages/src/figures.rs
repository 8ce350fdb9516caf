//! What a portal sent and what that cost, day by day (F38).

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use portico_domain::{
    ids::PortalId,
    message::{self, Channel, Kind, Money},
};
use portico_http::{CurrentMember, Problem, Problems};
use portico_store::DayFigure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Messages;

/// Days in one answer, unless it is said from when to when.
const USUAL_DAYS: i32 = 7;
/// The most days in one answer.
const MOST_DAYS: i32 = 92;

/// What a portal sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageFigures {
    /// Every day asked for, the oldest first.
    days: Vec<DayView>,
    /// All of them together.
    #[serde(flatten)]
    total: Total,
    /// The currency of all amounts.
    #[schema(example = "CNY")]
    currency: String,
}

/// What a portal sent on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageDay)]
pub(crate) struct DayView {
    /// The day (UTC).
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// By kind, channel and state.
    figures: Vec<FigureView>,
    #[serde(flatten)]
    total: Total,
}

/// What of one kind went by one channel and came this far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageFigure)]
pub(crate) struct FigureView {
    kind: Kind,
    channel: Channel,
    state: message::State,
    messages: u32,
    /// Parts of SMS.
    parts: u32,
    #[serde(flatten)]
    total: Total,
}

/// Money.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageTotal)]
pub(crate) struct Total {
    /// What the messages cost.
    #[schema(example = "0.05")]
    cost: String,
    /// What was taken from the balance for them.
    #[schema(example = "0.05")]
    paid: String,
}

impl Total {
    fn of(figures: &[DayFigure]) -> Self {
        let sum = |amount: fn(&DayFigure) -> Money| figures.iter().map(amount).fold(Money::ZERO, Money::plus).to_string();
        Self { cost: sum(|figure| figure.cost), paid: sum(|figure| figure.paid) }
    }
}

impl From<&DayFigure> for FigureView {
    fn from(figure: &DayFigure) -> Self {
        let total = Total { cost: figure.cost.to_string(), paid: figure.paid.to_string() };
        let DayFigure { kind, channel, state, messages, parts, .. } = *figure;
        Self { kind, channel, state, messages, parts, total }
    }
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FiguresQuery {
    /// The first day (UTC); six days before the last if absent.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// The last day (UTC); today if absent. At most 92 days in all.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

impl FiguresQuery {
    /// The first and the last day.
    fn days(&self, today: Date) -> Result<(Date, Date), Problem> {
        let last = self.to.unwrap_or(today);
        let first = self.from.unwrap_or_else(|| last.saturating_sub((USUAL_DAYS - 1).days()));
        let fits = first <= last && first.saturating_add((MOST_DAYS - 1).days()) >= last;
        if fits { Ok((first, last)) } else { Err(Problem::invalid("", "invalid", format!("must be 1 to {MOST_DAYS} days"))) }
    }
}

/// See what a portal sent
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/message-figures", operation_id = "readMessageFigures", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), FiguresQuery),
    responses((status = 200, description = "Messages, parts and costs of each day", body = MessageFigures), Problems))]
pub(crate) async fn read(
    State(messages): State<Messages>,
    member: CurrentMember,
    query: Result<Query<FiguresQuery>, QueryRejection>,
) -> Result<Json<MessageFigures>, Problem> {
    let portal = member.portal()?;
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let (first, last) = query.days(messages.clock.now().to_zoned(TimeZone::UTC).date())?;
    let (mut days, mut all) = (Vec::new(), Vec::new());
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        let figures = messages.store.figures_of_day(portal.id, day).await?;
        days.push(DayView { day, figures: figures.iter().map(FigureView::from).collect(), total: Total::of(&figures) });
        all.extend(figures);
    }
    Ok(Json(MessageFigures { days, total: Total::of(&all), currency: messages.currency.clone() }))
}
