//! [`explain`] and [`decide`] say the same, over every combination of what they depend on.

use serde_json::json;

use super::*;
use crate::{
    ids::{ApplicationId, InvitationId, MemberId, OrganisationId},
    invitation,
    locale::Locale,
    portal::{AgreementHead, Application, Settings},
    text::Name,
    user::Decided,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn portal(access: Access) -> Portal {
    let name = Name::parse("x").unwrap();
    let application = Application { id: ApplicationId::new(at(0), 1), name: name.clone() };
    let settings = Settings { access, ..Settings::starting(name) };
    Portal::new(PortalId::new(at(0), 1), OrganisationId::new(at(0), 1), application, settings, at(0))
}

/// Portals that differ in what each rule asks for, one at a time and all at once.
fn portals() -> Vec<Portal> {
    let changes: [fn(&mut Portal); 6] = [
        |portal| portal.settings.enabled = false,
        |portal| portal.settings.sign_in.accounts.email = false,
        |portal| portal.settings.sign_in.second_step = true,
        |portal| {
            portal.settings.registration.window =
                serde_json::from_value(json!({ "closesAt": "2020-01-01T00:00:00", "zone": "UTC" })).unwrap()
        },
        |portal| portal.agreement = Some(AgreementHead { version: 2, terms: true, privacy: false }),
        |portal| {
            portal.settings.sign_in.bind_both = true;
            portal.settings.fields[0].collect = true;
        },
    ];
    let mut portals = Vec::new();
    for access in [Access::Anyone, Access::Approved, Access::Invited] {
        for chosen in 0..1_u32 << changes.len() {
            let mut portal = portal(access);
            changes.iter().enumerate().filter(|(bit, _)| chosen & (1 << bit) != 0).for_each(|(_, change)| change(&mut portal));
            portals.push(portal);
        }
    }
    portals
}

/// Nobody, and an account in each status, with an invitation and without.
fn users() -> Vec<Option<User>> {
    let address = Address::parse("li@example.com", &[]).unwrap();
    let role = Settings::starting(Name::parse("x").unwrap()).default_role;
    let user = User::new(UserId::new(at(0), 1), PortalId::new(at(0), 1), address, role, Locale::En, at(0));
    let reason = crate::user::Reason::parse("no such company").ok();
    let decided = Some(Decided { by: MemberId::new(at(0), 1), at: at(0), reason });
    let mut users = vec![None];
    for status in Status::ALL {
        for invitation in [None, Some(InvitationId::new(at(0), 1))] {
            users.push(Some(User { status, invitation, ..user.clone() }));
        }
        users.push(Some(User { status, decided: decided.clone(), ..user.clone() }));
    }
    users
}

fn check(case: &Case<'_>) {
    let findings = explain(case);
    assert_eq!(findings.each_ref().map(|(rule, _)| *rule), Rule::ALL);
    let first = findings.iter().map(|(_, finding)| finding).find(|finding| **finding != Finding::Passed);
    match (decide(case), first) {
        (Err(refusal), Some(Finding::Refused(told))) => assert_eq!(refusal, *told),
        (Ok(Decision { entry: Entry::Next(step), .. }), Some(Finding::Open(told))) => assert_eq!(step, *told),
        (Ok(Decision { entry: Entry::Granted(_), status }), None) => assert_eq!(status, Status::Active),
        (decided, told) => panic!("{decided:?} is told as {told:?} in {case:?}"),
    }
    // After somebody else's turn nothing is judged.
    let stop = findings.iter().position(|(_, finding)| matches!(finding, Finding::Refused(_) | Finding::Open(Step::AwaitApproval)));
    let reached =
        |(index, (_, finding)): (usize, &(Rule, Finding))| (*finding == Finding::NotReached) == stop.is_some_and(|stop| index > stop);
    assert!(findings.iter().enumerate().all(reached), "{findings:?}");
}

#[test]
fn the_explanation_and_the_decision_agree_on_every_case() {
    let address = Address::parse("li@example.com", &[]).unwrap();
    let open = Invitation {
        id: InvitationId::new(at(0), 2),
        portal: PortalId::new(at(0), 1),
        address: address.clone(),
        name: None,
        role: None,
        invited_by: MemberId::new(at(0), 1),
        invited_at: at(0),
        expires_at: invitation::end(at(0)),
        cancelled: false,
        accepted_by: None,
    };
    let answers = Answers::new();
    let (portals, users) = (portals(), users());
    let mut cases = 0;
    for portal in &portals {
        for user in &users {
            for method in [Method::Code, Method::Password] {
                for bits in 0..16_u8 {
                    let is = |bit: u8| bits & (1 << bit) != 0;
                    let proof = Proof { method, address: address.clone(), second_step: false, at: at(0) };
                    check(&Case {
                        portal,
                        link: None,
                        user: user.as_ref(),
                        id: UserId::new(at(0), 1),
                        proof: &proof,
                        answers: is(0).then_some(&answers),
                        consent: is(1).then_some(2),
                        invitation: is(2).then_some(&open),
                        whitelisted: is(3),
                        now: at(1),
                    });
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 90_000, "{cases}");
}

#[test]
fn what_a_person_can_do_by_themselves_hides_nothing() {
    let mut portal = portal(Access::Approved);
    portal.agreement = Some(AgreementHead { version: 1, terms: true, privacy: true });
    portal.settings.fields[0].collect = true;
    let proof = Proof { method: Method::Code, address: Address::parse("li@example.com", &[]).unwrap(), second_step: false, at: at(0) };
    let case = Case {
        portal: &portal,
        link: None,
        user: None,
        id: UserId::new(at(0), 1),
        proof: &proof,
        answers: None,
        consent: None,
        invitation: None,
        whitelisted: false,
        now: at(0),
    };
    let open: Vec<_> = explain(&case).into_iter().filter(|(_, finding)| *finding != Finding::Passed).collect();
    assert_eq!(
        open,
        [
            (Rule::Consent, Finding::Open(Step::Consent(1))),
            (Rule::Collect, Finding::Open(Step::Collect)),
            (Rule::Approval, Finding::Open(Step::AwaitApproval))
        ]
    );
}
