// The npm package oidc-provider, as an introspection endpoint (RFC 7662): one confidential client, tokens in memory, no
// logging, HTTP/1.1 on a port of its own. Nothing is switched on that introspection does not need.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const issuer = 'http://127.0.0.1';
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'verifier',
      client_secret: 'a-secret-of-the-bench-and-nothing-else',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
  },
});

const server = createServer({ keepAliveTimeout: 600_000 }, provider.callback());
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
