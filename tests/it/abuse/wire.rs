//! Calls as an attacker makes them: any message to any method, with any metadata.

use pim_tests::{Person, World};
use prost::{
    DecodeError, Message,
    bytes::{Buf, BufMut},
    encoding::{DecodeContext, WireType, skip_field},
};
use tonic::{
    Request, Status,
    client::Grpc,
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// Somebody's connection and how they say who they are.
pub(super) struct Wire {
    channel: Channel,
    authorization: String,
}

impl Wire {
    pub(super) fn of(world: &World, person: &Person) -> Self {
        Self::by(world, format!("Bearer {}", world.token(person)))
    }

    /// Whoever says this of themselves.
    pub(super) fn by(world: &World, authorization: String) -> Self {
        let channel = Endpoint::from_shared(world.url.clone()).unwrap().connect_lazy();
        Self { channel, authorization }
    }

    /// The answer to `message`, whether or not the method streams.
    pub(super) async fn call<M, A>(&self, path: &str, message: M) -> Result<A, Status>
    where
        M: Message + 'static,
        A: Message + Default + 'static,
    {
        self.call_with(path, message, &[]).await
    }

    /// The same, with these headers as well.
    pub(super) async fn call_with<M, A>(
        &self,
        path: &str,
        message: M,
        headers: &[(&'static str, &str)],
    ) -> Result<A, Status>
    where
        M: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let mut request = Request::new(message);
        let metadata: &mut MetadataMap = request.metadata_mut();
        for (name, value) in headers {
            metadata.insert(*name, value.parse().unwrap());
        }
        metadata.insert("authorization", self.authorization.parse().unwrap());
        let codec = ProstCodec::<M, A>::default();
        let answer = grpc.server_streaming(request, path.parse().unwrap(), codec).await?;
        let first = answer.into_inner().message().await?;
        first.ok_or_else(|| Status::unknown("there was no answer"))
    }
}

/// A message as the bytes that it is on the wire.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw(Vec<u8>);

impl Raw {
    pub(super) fn of(message: &impl Message) -> Self {
        Self(message.encode_to_vec())
    }
}

impl Message for Raw {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
