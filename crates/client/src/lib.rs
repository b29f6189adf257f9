//! The Countersign client: sign every request, verify every answer.
