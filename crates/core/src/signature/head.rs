//! Header fields and the heads of messages, as octets.

/// One header field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name, a token (RFC 9110 §5.6.2) in lower case.
    pub name: &'a str,
    /// The value's octets as received, without the white space at either end.
    pub value: &'a [u8],
}

/// The head of a request: octets, not interpretations.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method, case-sensitive.
    pub method: &'a str,
    /// Lower case, without the default port, and one of the server's own authorities: the caller has checked.
    pub authority: &'a str,
    /// The path as received, percent-encoding and all.
    pub path: &'a str,
    /// What follows the `?`; `None` when the target has no `?`.
    pub query: Option<&'a str>,
    /// Every field line, in the order received.
    pub fields: &'a [Field<'a>],
}

/// The head of an answer before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct AnswerHead<'a> {
    /// The status code.
    pub status: u16,
    /// Every end-to-end field that will be sent, but `content-length`, `content-digest`, `date` and those that signing
    /// adds.
    pub fields: &'a [Field<'a>],
    /// The value of `content-digest`; that of the empty string for HEAD, 204 and 304.
    pub content_digest: &'a str,
}

/// The head of an answer whose body will be a stream, before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct StreamHead<'a> {
    /// The status code.
    pub status: u16,
    /// Every end-to-end field that will be sent, but `content-length`, `date` and those that signing adds.
    pub fields: &'a [Field<'a>],
}

/// What came back for a request.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedAnswer<'a> {
    /// The status code.
    pub status: u16,
    /// Every field line, in the order received.
    pub fields: &'a [Field<'a>],
    /// The whole body.
    pub body: &'a [u8],
    /// Whether an answer to this request with this status has no body (HEAD, 204, 304).
    pub bodyless: bool,
}
