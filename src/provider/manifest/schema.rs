//! The JSON schema of manifests: editors check against it, and so does loading.

use std::sync::LazyLock;

use crate::config::schema::Schema;
use crate::provider::manifest::Manifest;

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::of::<Manifest>("Chima provider manifest", "chima schema --provider"));

/// What a `provider.yaml` may hold.
#[must_use]
pub fn schema() -> &'static Schema {
    &SCHEMA
}

/// As it is stored in `providers/provider.schema.json`.
#[must_use]
pub fn json() -> String {
    SCHEMA.json()
}
