// Certificates for tests, by the openssl program: authorities and what they sign.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

const folders = [];
process.on('exit', () => folders.forEach((f) => rmSync(f, { recursive: true, force: true })));
export function folder() {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-pki-'));
  folders.push(dir);
  return dir;
}
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

// An authority: { file, pem, issue(names, { days, cn }) -> { chain, key } as PEM, sign(csr in DER, { seconds }) -> PEM }.
export function authority(cn = 'test authority') {
  const dir = folder();
  const at = (name) => join(dir, name);
  openssl('req', '-x509', ...EC, '-days', '2', '-subj', `/CN=${cn}`, '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  let serial = Date.now();
  function signed(request, names, days) {
    writeFileSync(at('ext'), `subjectAltName=${names.map((n) => `DNS:${n}`).join(',')}\nbasicConstraints=CA:FALSE\n`);
    openssl('x509', '-req', '-in', request, '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-set_serial', String(++serial), '-days', String(days), '-extfile', at('ext'), '-out', at('leaf.pem'));
    return readFileSync(at('leaf.pem'), 'utf8');
  }
  return {
    file: at('ca.pem'),
    pem: readFileSync(at('ca.pem'), 'utf8'),
    issue(names, { days = 2, cn: subject = names[0] } = {}) {
      openssl('req', '-new', ...EC, '-subj', `/CN=${subject}`, '-keyout', at('leaf.key'), '-out', at('leaf.csr'));
      return { chain: signed(at('leaf.csr'), names, days), key: readFileSync(at('leaf.key'), 'utf8') };
    },
    // The names that a request asks for: openssl has checked its signature.
    names(der) {
      writeFileSync(at('asked.der'), der);
      const text = String(openssl('req', '-inform', 'DER', '-in', at('asked.der'), '-verify', '-noout', '-text'));
      return [...text.matchAll(/DNS:([^,\s]+)/g)].map((m) => m[1]);
    },
    sign(der, { days = 2 } = {}) {
      const names = this.names(der);
      openssl('req', '-inform', 'DER', '-in', at('asked.der'), '-out', at('asked.csr'));
      return signed(at('asked.csr'), names, days);
    },
  };
}

// DIR/NAME.crt and DIR/NAME.key.
export function keep(dir, name, { chain, key }, mode = 0o600) {
  writeFileSync(join(dir, `${name}.key`), key, { mode });
  chmodSync(join(dir, `${name}.key`), mode);
  writeFileSync(join(dir, `${name}.crt`), chain);
}
