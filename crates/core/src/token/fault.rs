use core::fmt;

/// Why a token is not taken. This is for the log; whoever showed it is told one thing only, whatever the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// It is not three parts of canonical base64url with JSON in them, or it is too long.
    Malformed,
    /// The header is not exactly the one of an access token of ours: another type or algorithm, or members beside them.
    Header,
    /// None of the keys has its `kid`.
    UnknownKey,
    /// The signature does not hold.
    Signature,
    /// It was signed by one of our keys, and a claim is missing or of a wrong type or range.
    Claims,
    /// It was issued by somebody else.
    Issuer,
    /// It was issued for somebody else.
    Audience,
    /// It is not good yet.
    NotYet,
    /// It was good once.
    Expired,
}

impl TokenFault {
    /// The word that the log has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::error::Error for TokenFault {}
