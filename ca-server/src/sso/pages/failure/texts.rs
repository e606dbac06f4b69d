//! What the pages of failure say, each in three parts: a title, what happened, what to do.

use http::StatusCode as S;

use super::Told;

const AGAIN: &str = "Start again from the program that gave you the link.";

const fn told(status: S, title: &'static str, happened: &'static str, todo: &'static str) -> Told {
    Told { status, title, happened, todo }
}

pub(super) const UNKNOWN: Told = told(
    S::NOT_FOUND,
    "This link leads nowhere",
    "The link is not complete, or it is too old to be remembered.",
    AGAIN,
);

pub(super) const EXPIRED: Told =
    told(S::GONE, "The time is over", "A link is good for a few minutes, and these have passed.", AGAIN);

pub(super) const LINK_USED: Told = told(
    S::GONE,
    "This link was used already",
    "A link can be used once. It was used before, in this browser or in another one.",
    "If you are signing in just now in another window, go on there. If you did not use the link yourself, start again from the program, \
             and tell the people who look after security where you work.",
);

pub(super) const ALREADY_DONE: Told = told(
    S::CONFLICT,
    "Already done",
    "This sign-in was completed before.",
    "Go back to the program: it goes on by itself. You can close this page.",
);

pub(super) const OVER: Told = told(
    S::GONE,
    "Nobody waits for this any more",
    "The program has given up, or the address was proven in another way.",
    AGAIN,
);

pub(super) const ACCOUNT_GONE: Told = told(
    S::FORBIDDEN,
    "The program may not ask any more",
    "The account of the program that gave you the link was closed.",
    "Ask the people who look after the program.",
);

pub(super) const PROVIDER_GONE: Told = told(
    S::FORBIDDEN,
    "You cannot sign in there any more",
    "This certificate authority does not rely on that sign-in for your address any more.",
    "Start again from the program. If that does not help, ask the people who look after the certificate authority.",
);

pub(super) const CROSS_SITE: Told = told(
    S::FORBIDDEN,
    "Another web site sent you here",
    "The last step has to be made on a page of this server, but another site made it for you.",
    "Open the link that your own program shows, and press the button there yourself.",
);

pub(super) const OTHER_BROWSER: Told = told(
    S::FORBIDDEN,
    "Another browser began this",
    "The sign-in was begun in another browser, or this one does not keep cookies.",
    "Go on in the browser in which you pressed the button, and let it keep cookies of this server. If you did not begin this yourself, close this page.",
);

pub(super) const UNSOLICITED: Told = told(
    S::FORBIDDEN,
    "Nobody waits for this answer",
    "Your sign-in service sent an answer that this server did not ask for, or that it has taken already.",
    "Open the link that your program shows and sign in from there. Do not use the back button while you sign in.",
);

pub(super) const MALFORMED: Told =
    told(S::BAD_REQUEST, "This cannot be read", "What your browser sent is not complete.", AGAIN);

pub(super) const WRONG_CODE: Told = told(
    S::FORBIDDEN,
    "That is not the code",
    "The code is not the one that the program shows.",
    "Go back and type it again.",
);

pub(super) const PROVIDER_UNREACHABLE: Told = told(
    S::SERVICE_UNAVAILABLE,
    "Your sign-in service does not answer",
    "This server cannot reach the service at which you would sign in. The link is still good.",
    "Wait a moment, then open the link again.",
);

pub(super) const BUSY: Told = told(
    S::CONFLICT,
    "Somebody else was faster",
    "Another window made this step at the same moment.",
    "Go on there, or open the link again.",
);

pub(super) const INTERNAL: Told = told(
    S::INTERNAL_SERVER_ERROR,
    "The server could not go on",
    "This is not your fault. The server's log says why.",
    "Try again in a few minutes. If that does not help, ask the people who look after the certificate authority.",
);

pub(super) const REFUSED: Told = told(
    S::FORBIDDEN,
    "The sign-in was not accepted",
    "Your sign-in service answered, but its answer cannot be relied on.",
    "Start again from the program. If it happens again, tell the people who look after the certificate authority; its log says why.",
);

pub(super) const DENIED: Told = told(
    S::FORBIDDEN,
    "You were not signed in",
    "Your sign-in service did not sign you in, or you cancelled it.",
    AGAIN,
);

pub(super) const UNREACHABLE: Told = told(
    S::BAD_GATEWAY,
    "Your sign-in service does not answer",
    "You signed in, but this server could not ask the service to confirm it.",
    "Wait a moment, then start again from the program.",
);

pub(super) const REPLAYED: Told = told(
    S::FORBIDDEN,
    "This answer was used before",
    "An answer of your sign-in service counts once, and this one was taken before.",
    AGAIN,
);

pub(super) const OTHER_ADDRESS: Told = told(
    S::FORBIDDEN,
    "You signed in as somebody else",
    "The address that you signed in with is not the one that the certificate is for.",
    "Start again from the program, and sign in with the address that it asks for. Capital and small letters before the @ count.",
);

pub(super) const FOREIGN_DOMAIN: Told = told(
    S::FORBIDDEN,
    "That sign-in does not count for this address",
    "The service at which you signed in may not vouch for addresses of this domain here.",
    "Ask the people who look after the certificate authority.",
);

pub(super) const KEY_CHANGED: Told = told(
    S::FORBIDDEN,
    "The program changed its key",
    "While you signed in, the program that asked took a new key. Your sign-in was for the old one.",
    AGAIN,
);

pub(super) const WRONG_CODES: Told = told(
    S::FORBIDDEN,
    "Too many wrong codes",
    "The code was wrong five times, so this sign-in was stopped.",
    AGAIN,
);

pub(super) const DECLINED: Told = told(
    S::FORBIDDEN,
    "Stopped",
    "Somebody said that this certificate was not asked for.",
    "If you did ask for it, start again from the program.",
);

pub(super) const LATE_CODE: Told = told(
    S::FORBIDDEN,
    "The program came too late",
    "Your sign-in was not used, because the program took more than a minute to take it.",
    "Start again from the program. If anybody asked you for what stood in your browser's address bar, tell the people who look after security where you work.",
);

pub(super) const CODE_FROM_ELSEWHERE: Told = told(
    S::FORBIDDEN,
    "The program is somewhere else",
    "Your sign-in was not used, because the program seems to run on another machine than this browser.",
    "Start again from the program and let it show you a short code. If anybody asked you for what stood in your browser's address bar, tell the people who look after security where you work.",
);
