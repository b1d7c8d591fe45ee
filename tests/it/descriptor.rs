//! The contract, as a list of its methods.

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// One RPC.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    /// Its name alone.
    pub(crate) name: String,
    /// Its answer is a stream.
    pub(crate) streams: bool,
}

impl Method {
    /// Whether it only looks.
    pub(crate) fn reads(&self) -> bool {
        [
            "Get",
            "List",
            "Search",
            "Check",
            "BatchCheck",
            "Explain",
            "Tail",
            "Watch",
            "Issue",
            "Test",
        ]
        .iter()
        .any(|verb| self.name.starts_with(verb))
    }
}

/// Every RPC of the contract.
pub(crate) fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
    let files = set.file.into_iter().filter(|file| file.package().starts_with("pim."));
    let mut all = Vec::new();
    for file in files {
        for service in &file.service {
            all.extend(service.method.iter().map(|method| Method {
                path: format!("/{}.{}/{}", file.package(), service.name(), method.name()),
                name: method.name().to_owned(),
                streams: method.server_streaming(),
            }));
        }
    }
    assert!(all.len() > 40, "the descriptor has {} methods", all.len());
    all
}
