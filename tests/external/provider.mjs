// An OpenID Connect provider for tests: oauth2-mock-server, told on standard input what to do, one
// JSON object a line, each answered by one line.
//
//   {"do": "start"}    answers {"issuer": its URL}; again at the same address after a stop
//   {"do": "rotate"}   from now on it has one key, a new one; answers {"kid": its name}
//   {"do": "forge", "kid": ..., "claims": {...}}   answers {"token": one of a key that it never had}
//   {"do": "stop"}     it cannot be reached any more; answers {}
//
// Tokens are to be had at its token endpoint by client_credentials: for the client as subject and
// the form's `audience`.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const entry = createRequire(`${folder}/`).resolve("oauth2-mock-server");
const { OAuth2Issuer, OAuth2Server } = await import(pathToFileURL(entry));

const algorithm = "ES256";
let server;
let port = 0;

async function start() {
  server = new OAuth2Server();
  const { kid } = await server.issuer.keys.generate(algorithm);
  server.service.on("beforeTokenSigning", (token, request) => {
    const { client_id, audience } = request.body;
    Object.assign(token.payload, { sub: client_id, aud: audience, amr: ["pwd", "mfa"] });
  });
  await server.start(port, "127.0.0.1");
  port = server.address().port;
  return { issuer: server.issuer.url, kid };
}

async function stop() {
  await server.stop();
  return {};
}

// Its keys cannot be taken away singly, so the whole server makes place for a new one.
async function rotate() {
  await stop();
  return start();
}

async function forge({ kid, claims }) {
  const forger = new OAuth2Issuer();
  forger.url = server.issuer.url;
  await forger.keys.generate(algorithm, { kid });
  const write = (_, payload) => Object.assign(payload, claims);
  return { token: await forger.buildToken({ scopesOrTransform: write }) };
}

const commands = { start, stop, rotate, forge };
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  console.log(JSON.stringify(await commands[command.do](command)));
}
