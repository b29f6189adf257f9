//! The configuration as typed: every field may be missing, and nothing is believed yet.

use serde::Deserialize;

use super::secret::SecretText;
use super::size::Size;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Written {
    pub(super) data: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) admin_listen: Option<String>,
    pub(super) danger_admin_listen: Option<bool>,
    pub(super) public_url: Option<String>,
    pub(super) tls_cert: Option<String>,
    pub(super) tls_key: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) authorities: Option<Vec<String>>,
    pub(super) window_seconds: Option<u64>,
    pub(super) profile: Option<String>,
    pub(super) trusted_proxies: Option<Vec<String>>,
    pub(super) client_ip_source: Option<String>,
    pub(super) danger_trust_all_proxies: Option<bool>,
    pub(super) danger_seed_mode: Option<bool>,
    pub(super) seed_shared_key: Option<SecretText>,
    pub(super) seed_shared_key_file: Option<String>,
    pub(super) max_body: Option<Size>,
    pub(super) max_signed_response: Option<Size>,
    pub(super) max_buffered: Option<Size>,
    pub(super) max_spooled: Option<Size>,
    pub(super) upstream_timeout_seconds: Option<u64>,
    pub(super) ticket_days: Option<u64>,
    pub(super) token_format: Option<String>,
    pub(super) access_token_minutes: Option<u64>,
    pub(super) token_ip_claim: Option<bool>,
    pub(super) token_key_days: Option<u64>,
    pub(super) event_retention_days: Option<u64>,
    pub(super) event_heads_file: Option<String>,
    pub(super) session_idle_days: Option<u64>,
    pub(super) session_days: Option<u64>,
    pub(super) max_sessions: Option<u64>,
    pub(super) on_limit: Option<String>,
    pub(super) sensitive_minutes: Option<u64>,
    pub(super) danger_plain_passwords: Option<bool>,
    pub(super) kek_file: Option<String>,
    #[serde(default)]
    pub(super) security: WrittenSecurity,
    #[serde(default)]
    pub(super) replay: WrittenReplay,
    #[serde(default)]
    pub(super) idempotency: WrittenIdempotency,
    #[serde(default)]
    pub(super) password: WrittenPassword,
    #[serde(default)]
    pub(super) limits: WrittenLimits,
    #[serde(default)]
    pub(super) log: WrittenLog,
    #[serde(default)]
    pub(super) envelope: WrittenEnvelope,
    #[serde(default)]
    pub(super) verifier: Vec<WrittenVerifier>,
    #[serde(default)]
    pub(super) route: Vec<WrittenRoute>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenSecurity {
    pub(super) on_network_change: Option<String>,
    pub(super) challenge_on_network_change: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenReplay {
    pub(super) per_key: Option<u64>,
    pub(super) total: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenIdempotency {
    pub(super) max_per_user: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenPassword {
    pub(super) memory: Option<Size>,
    pub(super) iterations: Option<u64>,
    pub(super) lanes: Option<u64>,
    pub(super) at_once: Option<u64>,
    pub(super) waiting: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenLimits {
    pub(super) max_connections: Option<u64>,
    pub(super) max_connections_per_address: Option<u64>,
    pub(super) head_seconds: Option<u64>,
    pub(super) idle_seconds: Option<u64>,
    pub(super) body_seconds: Option<u64>,
    pub(super) min_body_rate: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenLog {
    pub(super) level: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenRoute {
    pub(super) path: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) forward_unsigned: Option<Vec<String>>,
    pub(super) max_body: Option<Size>,
    pub(super) stream: Option<bool>,
    pub(super) max_stream: Option<Size>,
    pub(super) raw_path: Option<bool>,
    pub(super) keep_outcomes: Option<bool>,
    pub(super) websocket: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenEnvelope {
    pub(super) max_message: Option<Size>,
    pub(super) in_flight: Option<u64>,
    pub(super) idle_seconds: Option<u64>,
    pub(super) max_connections: Option<u64>,
    pub(super) max_connections_per_address: Option<u64>,
    #[serde(default)]
    pub(super) action: Vec<WrittenAction>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenAction {
    pub(super) name: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) content_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WrittenVerifier {
    pub(super) id: Option<String>,
    pub(super) secret_file: Option<String>,
}
