import type { Texts } from "./zh.ts";

export const en: Texts = {
  language: "English",
  switchTo: "Switch to English",

  address: {
    heading: "Sign in or sign up",
    lead: {
      both: "Enter your phone number or email and we’ll send you a code. No password needed.",
      phone: "Enter your phone number and we’ll send you a code. No password needed.",
      email: "Enter your email and we’ll send you a code. No password needed.",
    },
    label: { both: "Phone number or email", phone: "Phone number", email: "Email" },
    sevenDays: "Keep me signed in for 7 days",
    submit: "Send code",
    invited: "By invitation only. Please use the phone number or email your invitation was sent to.",
    opens: (moment) => `New sign-ups open on ${moment}. If you already have an account, you can sign in now.`,
    opensLater: "New sign-ups are not open yet. If you already have an account, you can sign in now.",
    closedAt: (moment) => `New sign-ups closed on ${moment}. If you already have an account, you can still sign in.`,
    closed: "New sign-ups are closed. If you already have an account, you can still sign in.",
    faults: {
      empty: { both: "Enter your phone number or email.", phone: "Enter your phone number.", email: "Enter your email." },
      invalid: {
        both: "This doesn’t look like a phone number or email. Please check it.",
        phone: "This doesn’t look like a phone number. Please check it.",
        email: "This doesn’t look like an email. Please check it.",
      },
      "phone-only": "Please use a phone number here; email isn’t available.",
      "email-only": "Please use an email here; phone numbers aren’t available.",
      "country-not-allowed": "Codes can’t be sent to numbers of this country or region yet. Please use another number or an email.",
    },
  },

  code: {
    heading: "Enter your code",
    sent: { sms: "We sent a text message to", email: "We sent an email to" },
    change: "Change",
    changeLong: "Change phone number or email",
    label: "6-digit code",
    submit: "Continue",
    resend: "Send again",
    resendIn: (time) => `Send again in ${time}`,
    resent: "A new code is on its way. Please use the latest one.",
    incomplete: "Enter all 6 digits.",
    wrong: (left) =>
      left === undefined
        ? "That code isn’t right. Please check it."
        : `That code isn’t right. ${left} ${left === 1 ? "try" : "tries"} left.`,
    expired: "This code no longer works. Please get a new one.",
    hint: {
      sms: "Nothing yet? It can take a minute; then send it again.",
      email: "Nothing yet? Look in your spam folder, or send it again.",
    },
  },

  collect: {
    heading: "About you",
    lead: "One last step. You’ll only be asked once.",
    optional: "optional",
    choose: "Choose",
    regionHint: "Province, city, district",
    submit: "Submit",
    left: (shown, most) => `${shown} / ${most}`,
    errors: {
      required: "Please fill this in.",
      "required-choice": "Please choose one.",
      "required-name": "Please enter your name.",
      invalid: "This isn’t in the right form. Please check it.",
      "invalid-phone": "Please enter a valid phone number.",
      "invalid-email": "Please enter a valid email.",
      "invalid-number": "Please enter a number.",
      "invalid-date": "Please enter a valid date.",
      "too-long": (most) => (most === undefined ? "This is too long. Please shorten it." : `At most ${most} characters.`),
      "unknown-option": "This option is gone. Please choose again.",
      "unknown-field": "This is no longer asked for. Please submit again.",
    },
    summary: (count) => (count === 1 ? "One answer needs a change." : `${count} answers need a change.`),
  },

  waiting: {
    heading: "Your request is in",
    lead: (portal) => `An administrator of ${portal} will look at it.`,
    answer: { sms: "You’ll get the answer by text message", email: "You’ll get the answer by email" },
    to: (address) => `Sent to ${address}`,
    stay: "Stay here and you’ll be let in by itself",
    leave: "Or leave, and sign in again once you’ve heard",
    checking: "Waiting for approval",
    unreachable: "Can’t reach the server; still trying",
    other: "Use another account",
  },

  home: {
    heading: "You’re signed in",
    greeting: (name) => `Hello, ${name}`,
    welcome: "Hello",
    lead: (portal) => `You’re in ${portal}.`,
    account: "Account",
    portal: "Portal",
    until: "Valid until",
    signOut: "Sign out",
    everywhere: "Sign out everywhere",
    sure: "This ends your sign-in on every device at once. Are you sure?",
    sureYes: "Sign out everywhere",
    sureNo: "Cancel",
    signedOut: "You’re signed out.",
    ended: "Your sign-in has ended. Please sign in again.",
  },

  refused: {
    "registration-closed": {
      heading: "Not open for new sign-ups",
      opens: (moment) => `Sign-ups open on ${moment}. You’re welcome to come back then.`,
      closed: (moment) => `Sign-ups closed on ${moment}.`,
      plain: "New sign-ups aren’t open right now.",
      next: "If you signed up earlier with another phone number or email, sign in with that one.",
    },
    "not-invited": {
      heading: "You need an invitation",
      text: "This phone number or email hasn’t been invited yet. Use the one your invitation came to, or ask the person who invited you.",
    },
    rejected: {
      heading: "Not approved",
      text: "We’re sorry: an administrator did not approve your request.",
      reason: "What they said",
      next: "If you have questions, contact the administrator of this portal.",
    },
    disabled: {
      heading: "Account disabled",
      text: "An administrator has disabled your account. Contact them if you need it back.",
    },
    "no-seats": {
      heading: "All places are taken",
      text: "There is no free place right now, but nothing you entered is lost. Try again later, or contact the administrator of this portal.",
    },
    "portal-off": { heading: "This portal is closed", text: "An administrator has closed it for now. Please come back later." },
    "not-found": {
      heading: "There’s no portal here",
      text: "The link may be mistyped or may have changed. Please check with the person who gave it to you.",
    },
    back: "Use another account",
    again: "Try again",
  },

  trouble: {
    "method-off": "An administrator has just turned off this way of signing in. Please use another one.",
    "too-many-requests": (time) => `That was a bit much at once. Please try again in ${time}.`,
    "too-many-requests-now": "You can try again now.",
    "too-many-requests-plain": "That was a bit much at once. Please try again later.",
    "send-failed": "The code couldn’t be sent. Try again in a moment, or use another phone number or email.",
    "ticket-expired": "That took a little long, so please verify yourself again. Everything you entered is still here.",
    "waiting-expired": "To see where your request stands, please verify yourself again. It is still being looked at.",
    "ticket-spent": "This step is already done. Please sign in again to go on.",
    "cookies-blocked": "Your browser did not keep the sign-in. Please allow cookies for this site, or try another browser.",
    offline: "You seem to be offline. Check your connection and try again; nothing you entered is lost.",
    unreachable: "The server can’t be reached. Please try again in a moment; nothing you entered is lost.",
    unknown: "Something went wrong. Please try again.",
    request: (id) => `If it keeps happening, give the administrator this number: ${id}.`,
  },

  units: { seconds: (count) => (count === 1 ? "1 second" : `${count} seconds`), minutes: (clock) => clock },
  busy: "One moment",
};
