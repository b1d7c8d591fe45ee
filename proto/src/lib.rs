//! The contract, and everything that speaks it: the generated messages and services, and the
//! conversions between the wire and the domain.
//!
//! A request is parsed once, by `TryFrom`, into one of the shapes of [`call`] around a command of
//! the domain; an answer is made once, by `From`. Between the two no prost type exists.

pub mod call;
mod convert;
pub mod field;

/// The whole contract as a serialised `FileDescriptorSet`, for reflection and for tests.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// Package `pim.type`.
pub mod r#type {
    /// Package `pim.type.v1`.
    #[expect(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("pim.r#type.v1");
    }
}

/// Package `pim.assignment`.
pub mod assignment {
    /// Package `pim.assignment.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.assignment.v1");
    }
}

/// Package `pim.activation`.
pub mod activation {
    /// Package `pim.activation.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.activation.v1");
    }
}

/// Package `pim.approval`.
pub mod approval {
    /// Package `pim.approval.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.approval.v1");
    }
}

/// Package `pim.audit`.
pub mod audit {
    /// Package `pim.audit.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.audit.v1");
    }
}

/// Package `pim.access`.
pub mod access {
    /// Package `pim.access.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.access.v1");
    }
}

/// Package `pim.scheduler`.
pub mod scheduler {
    /// Package `pim.scheduler.v1`.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    pub mod v1 {
        tonic::include_proto!("pim.scheduler.v1");
    }
}
