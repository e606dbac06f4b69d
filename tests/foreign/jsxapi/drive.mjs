// Drives a room device (our emulator) with the npm package `jsxapi`, as it is: every command that the emulator knows, status, configuration, feedback, documents.
// One argument: a file with where the device is and what to send. Prints the request of the device's own key as one line of JSON, and reads the certificate for it
// from standard input. Ends with 0 and "all of it" if everything was as it should be.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connect } from 'jsxapi';

const set = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const xapi = connect(`${set.protocol}://${set.host}:${set.port}`, { username: 'admin', password: set.password });
xapi.on('error', (error) => {
  console.error('error:', error);
  process.exit(1);
});
await new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error('it was not ready within 30 s')), 30_000);
  xapi.on('ready', () => {
    clearTimeout(late);
    resolve();
  });
});

const external = 'Conference EndToEndEncryption ExternalIdentity';
const { ClientSecret, Certificates } = xapi.Command.Security;
const refused = async (promise, expected) => {
  const error = await promise.then(() => null, (caught) => caught);
  assert.ok(error, 'it was to be refused');
  for (const [field, value] of Object.entries(expected)) assert.equal(field.split('.').reduce((at, name) => at[name], error), value, JSON.stringify(error));
};

// Status and configuration.
assert.equal(await xapi.status.get('Conference EndToEndEncryption Availability'), 'Available');
assert.equal(await xapi.Status.Conference.EndToEndEncryption.ExternalIdentity.Valid.get(), 'False');
await xapi.config.set('Conference EndToEndEncryption Mode', 'Off');
assert.equal(await xapi.Config.Conference.EndToEndEncryption.Mode.get(), 'Off');
assert.equal(await xapi.status.get('Conference EndToEndEncryption Availability'), 'Unavailable');
await xapi.Config.Conference.EndToEndEncryption.Mode.set('On');
await xapi.config.set('Conference EndToEndEncryption Identity PreferredDomain', 'room-1.example.net');
await refused(xapi.config.set('Conference EndToEndEncryption Mode', 'Sometimes'), { message: 'Bad usage: illegal value' });
await refused(xapi.status.get('Conference Nonsense'), { code: 3, 'data.xpath': 'Status/Conference/Nonsense' });
await refused(xapi.command('Nonsense Do'), { message: 'Unknown command' });

assert.deepEqual(await xapi.status.get('Conference EndToEndEncryption InternalIdentity'), set.internal);
assert.equal(set.internal.CertInfo[0].PrimaryName, 'corp.test');

// Documents.
const schema = await xapi.doc('Command Security ClientSecret Populate');
assert.equal(schema.Secret.required, 'True');
assert.equal((await xapi.doc('Configuration SystemUnit')).Name, '');
assert.ok((await xapi.doc('Status Conference EndToEndEncryption')).Availability);

// Feedback: what changes from here on.
const heard = [];
const off = xapi.status.on(`${external} Status`, (value) => heard.push(value));
await off.registration;
const gone = [];
const offGone = xapi.status.on(`${external} CertInfo`, (value) => { if (value.ghost) gone.push(value); });
await offGone.registration;

// Whatever comes, before anybody asks who listens to it.
const events = [];
xapi.feedback.interceptor = (event, emit) => { events.push(event); emit(event); };
const named = [];
const offNamed = xapi.config.on('SystemUnit Name', (value) => named.push(value));
await offNamed.registration;
// An event goes its own way: answers that come after it are waited for.
const settled = async () => { for (let i = 0; i < 4; i += 1) await xapi.status.get('SystemUnit ProductId'); };
await xapi.config.set('SystemUnit Name', 'Lobby');
await settled();
assert.deepEqual([named, events.length], [['Lobby'], 1]);
offNamed();
await settled();
await xapi.config.set('SystemUnit Name', 'Attic');
await settled();
assert.deepEqual([named, events.length], [['Lobby'], 1], 'off() silences the device');

// The secret, and a certificate that comes encrypted.
await ClientSecret.Populate({ Secret: set.secret });
await ClientSecret.Populate({ Secret: set.change });
await refused(ClientSecret.Populate({ Secret: set.change }), { 'data.Code': 'jwe-not-opened' });
await refused(Certificates.Services.Add({ IsEncrypted: 'True' }, set.wrong), { 'data.Code': 'jwe-not-opened' });
const added = await Certificates.Services.Add({ IsEncrypted: 'True' }, set.add);
assert.equal(added.Fingerprint, set.fingerprint);
await xapi.command('Security Certificates Services Add', {}, set.plain);
const shown = await Certificates.Services.Show();
assert.deepEqual(shown.Details.map((one) => one.SubjectName), ['/CN=room-1.example.com', '/CN=room-2.example.com']);
const asPem = await Certificates.Services.Show({ Format: 'PEM', FingerprintAlgorithm: 'SHA-256' });
assert.match(asPem.Details[0].Certificate, /^-----BEGIN CERTIFICATE-----\n/);
await Certificates.Services.Activate({ Fingerprint: set.activate, Purpose: 'WebexIdentity' });
assert.equal(await xapi.status.get(`${external} Identity`), 'room-1.example.net');
const identity = await xapi.status.get(external);
assert.equal(identity.CertificateChain.Certificate[0].Fingerprint, set.fingerprint);
assert.equal(identity.CertInfo[0].Validity, 'valid');
assert.equal(await xapi.status.get(`${external} CertificateChain Certificate 1 Fingerprint`), set.fingerprint);
const filtered = await Certificates.Services.Show({ Filter: 'WebexIdentity' });
assert.equal(filtered.Details.length, 1);
await refused(Certificates.Services.Delete({ Fingerprint: set.fingerprint }), { 'data.Code': 'in-use' });
const roots = await Certificates.WebexIdentity.Show({ Filter: 'External' });
assert.equal(roots.Details[0].SubjectName, '/CN=External root');

// A key that never leaves the device.
const request = await Certificates.CSR.Create({ CommonName: 'room-3.example.com', SanDns: ['room-3.example.com', 'room-3.example.net'] });
assert.match(request.CSR, /^-----BEGIN CERTIFICATE REQUEST-----\n/);
await refused(Certificates.CSR.Link(asPem.Details[0].Certificate), { 'data.Code': 'key-mismatch' });
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log(JSON.stringify(request.CSR));
const linked = JSON.parse((await answers.next()).value);
assert.equal((await Certificates.CSR.Link(linked.pem)).Fingerprint, linked.fingerprint);
await refused(Certificates.CSR.Link(linked.pem), { 'data.Code': 'no-request' });
await Certificates.Services.Activate({ Fingerprint: linked.fingerprint, Purpose: 'HTTPS' });
const served = await Certificates.Services.Show({ Filter: 'HTTPS' });
assert.deepEqual(served.Details.map((one) => [one.SubjectName, one.UsedFor]), [['/CN=room-3.example.com', 'HTTPS server']]);

// And back to nothing.
await Certificates.Services.Deactivate({ Fingerprint: set.deactivate, Purpose: 'WebexIdentity' });
assert.equal(await xapi.status.get(`${external} Valid`), 'False');
await Certificates.Services.Delete({ Fingerprint: set.fingerprint });
await ClientSecret.Populate({ Secret: set.reset });
await ClientSecret.Populate({ Secret: set.secret });
assert.deepEqual(heard, ['valid', ''], 'what was heard of the status');
assert.deepEqual(gone.map((one) => one.id), ['1', '2'], 'ghosts of the chain that is gone');
off();
offGone();
assert.equal(await xapi.status.get('SystemUnit ProductId'), 'Room 1');
console.log(`${set.protocol}: all of it`);
xapi.close();
process.exit(0);
