// An OpenID Connect provider for the interop tests: the npm package `oidc-provider`, with one confidential client and the people of a file.
//
// `node server.mjs settings.json` listens on a free port of loopback and writes its issuer to standard output, in one line.
// Settings: client_id, client_secret, redirect_uri, people (login → claims), and audience, for which it gives JWT access tokens (RFC 9068) to people and to the client itself. Its sign-in pages are the package's own; they take any password.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { Provider, errors } from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: [settings.redirect_uri],
      response_types: ['code'],
      grant_types: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'groups'],
    auth_time: null,
  },
  features: {
    claimsParameter: { enabled: true },
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: Boolean(settings.audience),
      getResourceServerInfo: () => ({ scope: 'certificates', audience: settings.audience, accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
    },
  },
  // What an access token says of the person beside `sub` (RFC 9068 section 2.2.2); the client itself is none.
  extraTokenClaims(_, token) {
    const person = token.accountId && settings.people[token.accountId];
    return person && { email: person.email, email_verified: person.email_verified, name: person.name };
  },
  cookies: { keys: [settings.client_secret] },
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  async findAccount(_, login) {
    const person = settings.people[login];
    // The sign-in pages take any name: one that is nobody's is refused here.
    if (!person) throw new errors.AccessDenied('nobody here has this name');
    return { accountId: login, claims: () => ({ sub: login, ...person }) };
  },
});

provider.on('server_error', (_, error) => console.error('server_error', error));
for (const event of ['authorization.error', 'grant.error']) {
  provider.on(event, (_, error) => console.error(event, error.message, error.error_description));
}
server.on('request', provider.callback());
console.log(issuer);
