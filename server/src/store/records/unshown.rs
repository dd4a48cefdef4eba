//! How records with somebody's own words look in a log: by what they are told apart, and nothing of what they say.

use std::fmt;

use super::{Application, ConfirmedRequest, Job};
use crate::store::Mistake;

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Application");
        shown.field("id", &self.id).field("number", &self.number).field("phone", &self.phone);
        shown.field("state", &self.state).field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConfirmedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ConfirmedRequest");
        shown.field("request", &self.request).field("held", &self.held).field("now", &self.now).finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Job");
        shown.field("owner", &self.owner).field("request", &self.request.id);
        shown.field("application", &self.application).field("committed", &self.committed).finish_non_exhaustive()
    }
}

impl fmt::Debug for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Mistake");
        shown.field("id", &self.id).field("application", &self.application).field("created_at", &self.created_at);
        shown.finish_non_exhaustive()
    }
}
