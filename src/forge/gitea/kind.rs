//! `kind = "gitea"` in `referee.toml`: Gitea and Forgejo.

use std::sync::Arc;

use super::forge::GiteaForge;
use super::owner::Owner;
use super::webhook::GiteaWebhooks;
use crate::config::GiteaSettings;
use crate::forge::credentials;
use crate::forge::kind::{ForgeContext, ForgeKind};
use crate::forge::signature::{UnfitSecret, WebhookSecret};
use crate::forge::{Capabilities, Forge, Result, Webhooks};
use crate::model::ForgeName;

impl ForgeKind for GiteaSettings {
    fn capabilities(&self) -> Capabilities {
        Capabilities { statuses: true, notes: true, issues: true, files: true }
    }

    fn open(&self, context: &ForgeContext) -> Result<Option<Arc<dyn Forge>>> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let mirrors = context.mirrors.clone();
        let mut forge =
            GiteaForge::new(&self.url, credentials::fixed(token), mirrors)?.with_public_url(&self.public_url);
        if let Some(token) = context.owner_token.as_ref().or(self.owner_token.as_ref()) {
            let secret = self.webhook_secrets.first().cloned();
            let owner = Owner::new(&self.url, credentials::fixed(token), secret)?;
            forge = forge.with_owner(owner);
        }
        Ok(Some(Arc::new(forge)))
    }

    fn credentials_help(&self, name: &ForgeName) -> String {
        format!(
            "[forge.{name}] has no `token-file`; create an account for Referee on {}, create a token of that account \
             (scopes write:repository, write:issue, read:organization, read:user, read:package), and write it into \
             the file that `token-file` names",
            self.public_url
        )
    }

    fn webhooks(&self) -> Result<Option<Arc<dyn Webhooks>>, UnfitSecret> {
        let secrets = self.webhook_secrets.iter();
        let secrets: Result<Vec<_>, _> = secrets.map(|s| WebhookSecret::new(s.expose())).collect();
        Ok(Some(Arc::new(GiteaWebhooks::new(secrets?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn settings(token: Option<Secret>) -> GiteaSettings {
        GiteaSettings {
            url: "http://localhost:3000".to_owned(),
            public_url: "https://git.example.org".to_owned(),
            webhook_secrets: vec![Secret::new("correct-horse-battery")],
            token,
            owner_token: None,
        }
    }

    fn context(owner_token: Option<Secret>) -> ForgeContext {
        ForgeContext {
            mirrors: "mirrors".into(),
            daemon_url: "http://localhost:8030".to_owned(),
            program: "/bin/referee".into(),
            owner_token,
        }
    }

    #[test]
    fn the_opened_forge_has_the_capabilities_of_its_kind() {
        let settings = settings(Some(Secret::new("token")));
        let forge = settings.open(&context(None)).unwrap().unwrap();
        assert_eq!(forge.capabilities(), settings.capabilities());
        assert!(forge.hosting().is_err() && forge.administration().is_err());
        let as_owner = settings.open(&context(Some(Secret::new("owner"))));
        assert!(as_owner.unwrap().unwrap().administration().is_ok());
    }

    #[test]
    fn a_forge_without_a_token_still_has_webhooks() {
        let settings = settings(None);
        assert!(settings.open(&context(None)).unwrap().is_none());
        assert!(settings.webhooks().unwrap().is_some());
    }
}
