//! A person with a browser in front of the real binary: signs in, consents, looks at pages.

use std::process::Command;

use purser_simulator::{Config, Faults};
use purser_store::accounts::ConsentState;
use purser_store::people::{Role, User};
use purser_store::{Accounts as _, People as _};
use purser_store_sqlite::SqliteStore;
use url::Url;

use crate::support::free_port;
use crate::visitor::{Form, Hop, Seen, Visitor};
use crate::world::{Data, Server, World, wait_for};

/// Who signs in.
pub const NAME: &str = "admin";
/// With what.
pub const PASSWORD: &str = "correct horse battery";

/// A server, and a person who has signed in to it.
pub struct Journey {
    /// The vendor.
    pub world: World,
    /// What the server keeps.
    pub data: Data,
    /// The browser.
    pub visitor: Visitor,
    base: Url,
    server: Server,
}

impl Journey {
    /// On an empty data directory.
    pub fn begin(faults: Faults) -> Self {
        let world = World::new(Config { customers: 2, faults, ..Config::default() });
        let data = world.empty_data();
        Self::on(world, data, |_| {})
    }

    /// On a data directory, with something more said to the server's command.
    pub fn on(world: World, data: Data, also: impl FnOnce(&mut Command)) -> Self {
        world.runtime.block_on(add_admin(&data));
        let base: Url = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
        world
            .simulator
            .register_redirect_uri(format!("{base}connectors/microsoft-csp/consent/callback/global"));
        let server = world.serve_at(&data, &base, also);
        let mut journey = Self { world, data, visitor: Visitor::new().unwrap(), base, server };
        journey.sign_in();
        journey
    }

    /// Ends the server.
    pub fn stop(self) -> (World, Data) {
        self.server.kill();
        (self.world, self.data)
    }

    /// An address of the server.
    pub fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// Opens a page of the server.
    pub fn open(&mut self, path: &str) -> Seen {
        let url = self.at(path);
        self.world.runtime.block_on(self.visitor.open(&url)).unwrap()
    }

    /// Signs in as the administrator.
    pub fn sign_in(&mut self) {
        let url = self.at("/sign-in");
        let page = wait_for("the server", || self.world.runtime.block_on(self.visitor.open(&url)).ok());
        let form = page.form_with("password").unwrap().with("name", NAME).with("password", PASSWORD);
        let home = self.world.runtime.block_on(self.visitor.send(form)).unwrap();
        assert_eq!(home.status, 200, "{}", home.body);
    }

    /// Begins a flow, signs in at the vendor as this user; where the vendor sends the browser back to.
    pub fn callback_as(&mut self, user: &str) -> Url {
        let choice = self.open("/connectors/microsoft-csp/consent/start?cloud=global");
        let form = choice.form_with("user").unwrap().pressing("user", user);
        match self.world.runtime.block_on(self.visitor.send_once(form)).unwrap() {
            Hop::To(url) => url,
            Hop::Page(page) => panic!("the vendor does not redirect: {}", page.body),
        }
    }

    /// Goes where a redirect leads.
    pub fn follow(&mut self, url: &Url) -> Seen {
        self.world.runtime.block_on(self.visitor.open(url)).unwrap()
    }

    /// Confirms who has signed in.
    pub fn confirm(&mut self, page: &Seen) -> Seen {
        let form = page.form_to("/consent/confirm").unwrap();
        self.world.runtime.block_on(self.visitor.send(form)).unwrap()
    }

    /// Signs in at the vendor, and confirms; the page that follows.
    pub fn connect_as(&mut self, user: &str) -> Seen {
        let callback = self.callback_as(user);
        let confirm = self.follow(&callback);
        self.confirm(&confirm)
    }

    /// Presses the button of the form that goes to this address; the page that follows.
    pub fn press(&mut self, page: &Seen, address: &str) -> Seen {
        let form = page.form_to(address).unwrap();
        self.world.runtime.block_on(self.visitor.send(form)).unwrap()
    }

    /// Sends a form as it is filled in; the page that follows.
    pub fn send(&mut self, form: Form) -> Seen {
        self.world.runtime.block_on(self.visitor.send(form)).unwrap()
    }

    /// The state of the only account; none: nothing was stored.
    pub fn state(&self) -> Option<ConsentState> {
        self.world.runtime.block_on(async {
            let store = SqliteStore::open(&self.data.path().join("purser.db")).await.unwrap();
            let accounts = store.accounts().await.unwrap();
            for account in &accounts {
                assert!(store.grant(account.id).await.unwrap().is_some(), "an account without a grant");
            }
            accounts.into_iter().next().map(|account| account.state)
        })
    }
}

async fn add_admin(data: &Data) {
    let store = SqliteStore::open(&data.path().join("purser.db")).await.unwrap();
    let password_hash = purser_web::hash_password(PASSWORD).unwrap();
    store.add_user(&User::new(NAME, password_hash, Role::Admin)).await.unwrap();
}
