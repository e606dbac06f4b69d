//! One page for every way a step can fail: what happened and what to do, in plain words. Never a detail of an assertion.

mod texts;

use http::StatusCode;
use maud::html;

use super::Page;
use crate::sso::fault::Fault;
use crate::sso::reason::Reason;

/// What a page of failure says.
struct Told {
    status: StatusCode,
    title: &'static str,
    happened: &'static str,
    todo: &'static str,
}

/// The page of a fault.
#[must_use]
pub fn failure(fault: &Fault) -> Page {
    let Told { status, title, happened, todo } = *of(fault);
    let body = html! {
        h1 { (title) }
        div.bad role="alert" { p { (happened) } }
        h2 { "What to do" }
        p { (todo) }
    };
    Page::new(title, body).with_status(status)
}

fn of(fault: &Fault) -> &'static Told {
    match fault {
        Fault::Failed(reason) => of_reason(reason),
        Fault::Unknown => &texts::UNKNOWN,
        Fault::Expired => &texts::EXPIRED,
        Fault::LinkUsed => &texts::LINK_USED,
        Fault::AlreadyDone => &texts::ALREADY_DONE,
        Fault::Over => &texts::OVER,
        Fault::AccountGone => &texts::ACCOUNT_GONE,
        Fault::ProviderGone => &texts::PROVIDER_GONE,
        Fault::CrossSite => &texts::CROSS_SITE,
        Fault::OtherBrowser => &texts::OTHER_BROWSER,
        Fault::Unsolicited => &texts::UNSOLICITED,
        Fault::Malformed(_) => &texts::MALFORMED,
        Fault::WrongCode { .. } => &texts::WRONG_CODE,
        Fault::ProviderUnreachable => &texts::PROVIDER_UNREACHABLE,
        Fault::Busy => &texts::BUSY,
        Fault::Store(_) | Fault::Entropy(_) => &texts::INTERNAL,
    }
}

fn of_reason(reason: &Reason) -> &'static Told {
    match reason {
        Reason::NotCompleted => &texts::EXPIRED,
        Reason::Refused { .. } => &texts::REFUSED,
        Reason::Denied => &texts::DENIED,
        Reason::Unreachable => &texts::UNREACHABLE,
        Reason::Replayed => &texts::REPLAYED,
        Reason::OtherAddress => &texts::OTHER_ADDRESS,
        Reason::ForeignDomain => &texts::FOREIGN_DOMAIN,
        Reason::KeyChanged => &texts::KEY_CHANGED,
        Reason::WrongCodes => &texts::WRONG_CODES,
        Reason::LateCode => &texts::LATE_CODE,
        Reason::CodeFromElsewhere => &texts::CODE_FROM_ELSEWHERE,
        Reason::Declined => &texts::DECLINED,
    }
}
