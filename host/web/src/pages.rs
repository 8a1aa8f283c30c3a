//! One file per resource: handler, what its template shows, its tests.

pub(crate) mod account;
mod account_form;
pub(crate) mod activity;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod connector;
pub(crate) mod connector_settings;
pub(crate) mod consent;
pub(crate) mod coverage;
pub(crate) mod customers;
pub(crate) mod dashboard;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod periods;
pub(crate) mod plugins;
pub(crate) mod preflight;
mod purchase_query;
pub(crate) mod purchases;
pub(crate) mod reconciliation;
pub(crate) mod record;
mod records;
pub(crate) mod run;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod site_settings;
pub(crate) mod unmapped;
pub(crate) mod vanished;
