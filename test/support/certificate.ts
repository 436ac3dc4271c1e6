/**
 * A certificate for `localhost`, `framewire.test`, 127.0.0.1 and ::1, and the authority that signed it: for servers and
 * clients of the tests, and worth nothing elsewhere. Made with OpenSSL 3 (`openssl ecparam -name prime256v1`, `openssl ca`
 * with start and end dates), valid from 2020 to 2120. The authority's key was thrown away.
 *
 * The two are apart because Deno refuses a certificate that is its own authority (CaUsedAsEndEntity).
 */

/** The authority, in PEM. */
export const authority = `-----BEGIN CERTIFICATE-----
MIIBizCCATKgAwIBAgIUUekVNaj0ciXEiwAQ5Fs6l4gyXvkwCgYIKoZIzj0EAwIw
IzEhMB8GA1UEAwwYZnJhbWV3aXJlIHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAw
MDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAjMSEwHwYDVQQDDBhmcmFtZXdpcmUgdGVz
dCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARHI5ETMa3qU0cP
CMZOHEZmrYfzAl4NXoW5XO82yebCXeVr6cMyT7qNNc1OBbRrfBrUHuwhp5sTOcXh
LrtiMYnzo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNV
HQ4EFgQUoY/5uQcNSkasAN3mgTegzRbrUrswCgYIKoZIzj0EAwIDRwAwRAIgYsMI
GizzxAbSI08PnVfx55cFkyNvfoX4x2BAgA2O0FoCICIjogn8jldQ2tj2FM85jrWk
Oa02UaFJz84fayLCxz4W
-----END CERTIFICATE-----
`;

/** The certificate, in PEM. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIB+jCCAaCgAwIBAgIUC3/rfw3LNhtyJnUrNRzS6rHKaRwwCgYIKoZIzj0EAwIw
IzEhMB8GA1UEAwwYZnJhbWV3aXJlIHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAw
MDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTAT
BgcqhkjOPQIBBggqhkjOPQMBBwNCAATX+xYm2XOYZgjmZcjm5VPGZZlRbUb/GSgp
ZzwCHhrv9VMS/MRIBEpG/gFaBl8/GcRyWVZgOeRsoKKsT2heIpgMo4G+MIG7MAwG
A1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMB
BggrBgEFBQcDAjA8BgNVHREENTAzgglsb2NhbGhvc3SCDmZyYW1ld2lyZS50ZXN0
hwR/AAABhxAAAAAAAAAAAAAAAAAAAAABMB0GA1UdDgQWBBTAFBIspeX6DQbDIgac
E+SGcun4yzAfBgNVHSMEGDAWgBShj/m5Bw1KRqwA3eaBN6DNFutSuzAKBggqhkjO
PQQDAgNIADBFAiA9uw+WZaZJs98/+iqPGuGwEMaoXGQ4QC8tOXYs74VHSgIhAIF8
opE+c047/eWo/DyvkBCj6EHU06FFkSfpbF8cayic
-----END CERTIFICATE-----
`;

/** The private key to it, in PEM. */
export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeQGGDKBO0hqLB+51
nB+5o17PLXSecLh9XcHmcCxGzHqhRANCAATX+xYm2XOYZgjmZcjm5VPGZZlRbUb/
GSgpZzwCHhrv9VMS/MRIBEpG/gFaBl8/GcRyWVZgOeRsoKKsT2heIpgM
-----END PRIVATE KEY-----
`;
