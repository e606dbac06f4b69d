//! The person: signs in at the demonstration's identity provider. The way through the pages is walked by the tests' browser, page by page as
//! a real one would go, so that nobody has to sit there.

use std::io;

use acme_client::enroll::{Invitation, Person};
use acme_client::state::{PersonSettings, Subject};
use async_trait::async_trait;
use certs::name::EmailAddress;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::holder::Holder;
use super::{Authority, Failure, Place};
use crate::browser::Browser;
use crate::identity_provider::User;

/// A person with this address, whose program knows the authority's root.
pub(super) fn person(email: &EmailAddress, authority: &Authority, place: &Place) -> Result<Holder, Failure> {
    let subject = PersonSettings { email: email.clone(), provider: None };
    Holder::new(Subject::Person(subject), authority, place, "person")
}

/// Walks the way through the pages in the person's place.
pub(super) struct Walker {
    root_pem: String,
    user: User,
    walk: Mutex<Option<JoinHandle<Vec<String>>>>,
}

impl Walker {
    pub(super) fn new(root_pem: &str, user: &User) -> Self {
        Self { root_pem: root_pem.to_owned(), user: user.clone(), walk: Mutex::new(None) }
    }

    /// The pages that were walked through, by their titles.
    pub(super) async fn pages(&self) -> Result<Vec<String>, Failure> {
        let walk = self.walk.lock().take();
        match walk {
            Some(walk) => walk.await.map_err(|ended| Failure::Walk(ended.to_string())),
            None => Err(Failure::Walk("nobody was asked to sign in".to_owned())),
        }
    }
}

#[async_trait]
impl Person for Walker {
    fn has_browser(&self) -> bool {
        true
    }

    async fn choose(&self, _email: &str, _providers: &[String]) -> io::Result<Option<usize>> {
        Ok(None)
    }

    async fn invite(&self, invitation: &Invitation) {
        let walk = walk(self.root_pem.clone(), self.user.clone(), invitation.link.to_string());
        *self.walk.lock() = Some(tokio::spawn(walk));
    }
}

/// From the link over the provider's login page to the port that the client listens at; gives the titles of the pages.
async fn walk(root_pem: String, user: User, link: String) -> Vec<String> {
    let mut browser = Browser::builder().trusting(&root_pem).start();
    let mut titles = vec![browser.open(&link).await.title()];
    titles.push(browser.submit(&[]).await.title());
    let typed = [("login", user.login.as_str()), ("password", user.password.as_str())];
    titles.push(browser.submit(&typed).await.title());
    titles
}
