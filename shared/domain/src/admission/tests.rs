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
    let mut settings = Settings { access, ..Settings::starting(name) };
    settings.sign_in.wechat.enabled = true;
    Portal::new(PortalId::new(at(0), 1), OrganisationId::new(at(0), 1), application, settings, at(0))
}

/// Portals that differ in what each rule asks for, one at a time and all at once.
fn portals() -> Vec<Portal> {
    let changes: [fn(&mut Portal); 7] = [
        |portal| portal.settings.enabled = false,
        |portal| portal.settings.sign_in.accounts.email = false,
        |portal| portal.settings.sign_in.second_step = true,
        |portal| portal.settings.sign_in.wechat.follow = true,
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
    let role = Settings::starting(Name::parse("x").unwrap()).default_role;
    let user = User::new(UserId::new(at(0), 1), PortalId::new(at(0), 1), li(), role, Locale::En, at(0));
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

fn identity(openid: &str) -> Identity {
    serde_json::from_value(json!({ "app": "wx0000000000000001", "openid": openid })).unwrap()
}

fn xiaoming() -> Identity {
    identity("oXiaomingXiaomingXiaoming")
}

fn li() -> Address {
    Address::parse("li@example.com", &[]).unwrap()
}

/// All that somebody can bring, with what WeChat may have said and bound.
fn proofs() -> Vec<(Proof, Option<Identity>)> {
    let proof = |evidence, follows, second_step| Proof { evidence, follows, second_step, at: at(0) };
    let mut proofs = vec![(proof(Evidence::Code(li()), false, false), None), (proof(Evidence::Password(li()), false, false), None)];
    for bound in [None, Some(xiaoming()), Some(identity("oSomebodySomebodySomebody"))] {
        for follows in [false, true] {
            proofs.push((proof(Evidence::WeChat(xiaoming()), follows, false), bound.clone()));
            let first = Evidence::FirstBind { identity: xiaoming(), address: li() };
            proofs.push((proof(first, follows, true), bound.clone()));
        }
    }
    proofs
}

/// What must hold of everybody who is in.
fn check_entry(case: &Case<'_>) {
    let sign_in = &case.portal.settings.sign_in;
    assert!(!sign_in.second_step || case.proof.second_step || case.proof.evidence.method() == Method::Code, "F19");
    let Some(identity) = case.proof.evidence.identity() else { return };
    assert!(sign_in.wechat.enabled, "F15");
    assert!(!sign_in.wechat.follow || case.proof.follows, "F17");
    match case.user {
        // WeChat alone makes no account, and opens none but its own (S34, S35).
        None => assert!(case.proof.evidence.address().is_some(), "S34"),
        Some(user) => assert_eq!(user.wechat.as_ref(), Some(identity), "S34"),
    }
}

fn check(case: &Case<'_>) {
    let findings = explain(case);
    assert_eq!(findings.each_ref().map(|(rule, _)| *rule), Rule::ALL);
    let first = findings.iter().map(|(_, finding)| finding).find(|finding| **finding != Finding::Passed);
    match (decide(case), first) {
        (Err(refusal), Some(Finding::Refused(told))) => assert_eq!(refusal, *told),
        (Ok(Decision { entry: Entry::Next(step), .. }), Some(Finding::Open(told))) => assert_eq!(step, *told),
        (Ok(Decision { entry: Entry::Granted(grant), status }), None) => {
            assert_eq!((status, grant.method()), (Status::Active, case.proof.evidence.method()));
            check_entry(case);
        }
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
    let open = Invitation {
        id: InvitationId::new(at(0), 2),
        portal: PortalId::new(at(0), 1),
        address: li(),
        name: None,
        role: None,
        invited_by: MemberId::new(at(0), 1),
        invited_at: at(0),
        expires_at: invitation::end(at(0)),
        cancelled: false,
        accepted_by: None,
    };
    let answers = Answers::new();
    let (portals, users, proofs) = (portals(), users(), proofs());
    let mut cases = 0;
    for portal in &portals {
        for (user, (proof, bound)) in users.iter().flat_map(|user| proofs.iter().map(move |proof| (user, proof))) {
            let user = user.clone().map(|user| User { wechat: bound.clone(), ..user });
            for bits in 0..16_u8 {
                let is = |bit: u8| bits & (1 << bit) != 0;
                check(&Case {
                    portal,
                    link: None,
                    user: user.as_ref(),
                    id: UserId::new(at(0), 1),
                    proof,
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
    assert!(cases > 1_000_000, "{cases}");
}

#[test]
fn what_a_person_can_do_by_themselves_hides_nothing() {
    let mut portal = portal(Access::Approved);
    portal.agreement = Some(AgreementHead { version: 1, terms: true, privacy: true });
    portal.settings.fields[0].collect = true;
    let proof = Proof { evidence: Evidence::Code(li()), follows: false, second_step: false, at: at(0) };
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

#[test]
fn who_is_new_at_wechat_proves_an_address_before_anything_is_said_of_accounts() {
    // S34: whether the window is open, or somebody is invited, depends on whose account it turns out to be.
    let mut portal = portal(Access::Invited);
    portal.settings.registration.window = serde_json::from_value(json!({ "closesAt": "2020-01-01T00:00:00", "zone": "UTC" })).unwrap();
    portal.settings.sign_in.accounts.email = false;
    let proof = Proof { evidence: Evidence::WeChat(xiaoming()), follows: false, second_step: false, at: at(0) };
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
        now: at(1),
    };
    let decided = decide(&case).unwrap();
    let Entry::Next(step) = decided.entry else { panic!("in without an address") };
    assert_eq!(step, Step::FirstBind(Accounts { phone: true, email: false }));
}

#[test]
fn an_account_is_one_person_at_each_service_account() {
    // S33, S34
    let mut user = users().remove(1).unwrap();
    user.bind_wechat(&xiaoming());
    user.bind_wechat(&identity("oSomebodySomebodySomebody"));
    assert_eq!(user.wechat, Some(xiaoming()), "it never moves");
    let elsewhere: Identity =
        serde_json::from_value(json!({ "app": "wx0000000000000002", "openid": "oXiaomingXiaomingXiaoming" })).unwrap();
    user.bind_wechat(&elsewhere);
    assert_eq!(user.wechat, Some(elsewhere), "another service account knows them anew");
}
