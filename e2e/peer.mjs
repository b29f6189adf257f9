// npm's http-message-signatures, somebody else's RFC 9421, signs requests to the guard and verifies its answers.
//
//     node peer.mjs key.json < calls.json        # each {"method", "url", "fields": [[name, value], …], "body": base64}
//
// The library makes and checks signature bases and MACs, `;req` and `;bs` included. What it leaves to its caller stands in
// `believed`: the digest of the body, which components must be covered, and whose answer it is (docs/protocol.md, §5.2).
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createSigner, createVerifier, httpbis } from 'http-message-signatures';
import { parseDictionary, serializeItem } from 'structured-headers';

const NOT_COVERED = /^(host|content-length|connection|keep-alive|te|trailer|transfer-encoding|accept|accept-language|accept-encoding|date|signature|signature-input)$/;

const digest = (body) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

// The library takes fields as an object, repeated ones as a list, whatever their case.
const grouped = (lines) => lines.reduce((fields, [name, value]) => {
  (fields[name.toLowerCase()] ??= []).push(value);
  return fields;
}, {});

// It writes `;bs` in UTF-8; what came over the wire is octets, which Node gives as Latin-1.
const asOctets = (name, params, message, request) => {
  if (!params.has('bs')) return null;
  const values = [].concat((params.has('req') ? request : message).headers[name]);
  return [values.map((value) => `:${Buffer.from(value.trim(), 'latin1').toString('base64')}:`).join(', ')];
};

export async function sign(key, request) {
  const headers = { ...grouped(request.fields), 'content-digest': [digest(request.body)] };
  const fields = ['@method', '@authority', '@path', '@query', ...Object.keys(headers).filter((name) => !NOT_COVERED.test(name))];
  const config = {
    key: createSigner(Buffer.from(key.c2s, 'hex'), 'hmac-sha256', key.keyid),
    name: 'cs',
    fields,
    params: ['created', 'nonce', 'alg', 'keyid', 'tag'],
    paramValues: { nonce: randomBytes(32).toString('base64url'), tag: 'countersign-req-1' },
  };
  const signed = await httpbis.signMessage(config, { method: request.method, url: request.url, headers });
  const lower = Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...signed, headers: lower, body: request.body };
}

// What the library makes of an answer: the MAC, over fields and status of the answer and its own copy of the request.
export async function verified(key, answer, request) {
  const verify = createVerifier(Buffer.from(key.s2c, 'hex'), 'hmac-sha256');
  const config = {
    keyLookup: ({ tag, keyid }) => (tag === 'countersign-res-1' && keyid === key.keyid ? { id: keyid, algs: ['hmac-sha256'], verify } : null),
    requiredParams: ['created', 'nonce', 'keyid', 'tag'],
    requiredFields: ['@status', 'content-digest', 'countersign-time', 'countersign-request'],
    componentParser: asOctets,
    tolerance: 5,
    maxAge: 60,
  };
  // `null` when no signature was for this key: no verdict, and so no answer of the server.
  return (await httpbis.verifyMessage(config, answer, request)) === true;
}

// The same, with what the library leaves to its caller.
export async function believed(key, answer, request) {
  if (!(await verified(key, answer, request))) return false;
  const [[own], [theirs]] = [request, answer].map((message) => [...parseDictionary([].concat(message.headers['signature-input']).join(', ')).values()]);
  const names = (components) => components.map(([name, params]) => serializeItem([name, params]));
  const asked = names(own[0]).map((name) => `${name};req`);
  const covered = names(theirs[0]);
  const required = ['"@status"', '"content-digest"', '"countersign-time"', '"countersign-request"', ...asked];
  return required.every((name) => covered.includes(name))
    && covered.filter((name) => name.endsWith(';req')).length === asked.length
    && new Set(covered).size === covered.length
    && theirs[1].get('nonce') === own[1].get('nonce')
    && String(answer.headers['countersign-request']) === String(request.headers.signature).slice('cs='.length)
    && String(answer.headers['content-digest']) === digest(answer.body)
    && Math.abs(Date.now() - Number(answer.headers['countersign-time'])) < 60_000;
}

export const send = (request) => new Promise((resolve, reject) => {
  const { method, url, headers, body } = request;
  const [, host, port, target] = /^http:\/\/(.*):(\d+)(.*)$/.exec(url);
  const length = body.length ? { 'content-length': String(body.length) } : {};
  const outgoing = http.request({ method, host, port, path: target || '/', headers: { ...headers, ...length }, agent: false }, (incoming) => {
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk)).on('error', reject).on('end', () => {
      const lines = incoming.rawHeaders.reduce((pairs, text, place) => (place % 2 ? (pairs.at(-1).push(text), pairs) : [...pairs, [text]]), []);
      resolve({ status: incoming.statusCode, headers: grouped(lines), body: Buffer.concat(chunks) });
    });
  });
  outgoing.on('error', reject).end(body);
});

// One call, and what somebody in the middle may do to it: each `change` is a few words that the test knows.
async function call(key, { method, url, fields = [], body = '', change = '' }) {
  let request = await sign(key, { method, url, fields, body: Buffer.from(body, 'base64') });
  const sent = { ...request, headers: { ...request.headers } };
  if (change === 'request method') sent.method = 'PUT';
  if (change === 'request query') sent.url += '?dry=0';
  if (change === 'request body') sent.body = Buffer.from('26');
  if (change === 'request field') sent.headers['content-type'] = ['text/html'];
  const answer = await send(sent);
  if (change === 'sent twice') Object.assign(answer, await send(sent));
  if (change === 'status') answer.status += 1;
  if (change === 'body') answer.body = Buffer.from('26');
  if (change === 'field') answer.headers['content-type'] = ['text/html'];
  if (change === 'cookie') answer.headers['set-cookie'] = [...answer.headers['set-cookie'], 'b=2'];
  if (change === 'stripped') { delete answer.headers.signature; delete answer.headers['signature-input']; }
  if (change === 'another key') key = { ...key, s2c: key.c2s };
  if (change === 'another request') { request = await sign(key, { method, url, fields, body: Buffer.from(body, 'base64') }); await send(request); }
  const held = await verified(key, answer, request).catch(() => false);
  const trusted = await believed(key, answer, request).catch(() => false);
  return { status: answer.status, body: answer.body.toString('base64'), verified: held, believed: trusted };
}

if (process.argv[2]) {
  const key = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  const results = [];
  for (const one of JSON.parse(readFileSync(0, 'utf8'))) results.push(await call(key, one));
  console.log(JSON.stringify(results));
}
