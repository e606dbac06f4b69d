#!/bin/sh
# The issuing key of an authority is known to others. This replaces the issuer, revokes it on the root's list and everything that it
# issued on its own, and checks that nothing is left. The test suite runs it against a real server. Certificates that the thief signs himself are in nobody's books: tell relying
# parties to distrust the old issuer too, whose certificate is printed at the end.
#
#   issuer-key-compromise.sh CONFIG AUTHORITY ROOT_KEY ROOT_PASSPHRASE_FILE
#
# It may be run again after it was broken off: set OLD_ISSUER to the key identifier that it printed, and no issuer is replaced.
set -eu
config=${1:?the configuration file}
authority=${2:?the authority}
root_key=${3:?the encrypted root key}
root_passphrase=${4:?the file with its passphrase}

present_issuer() {
    ca-server authority list --config "$config" |
        awk -v name="$authority:" '$1 == "authority" { found = ($2 == name) } found && $1 == "present" { print $2; exit }'
}

# Serials that the old issuer signed and that nobody has revoked.
left() {
    ca-server certificates export --json --status issued --config "$config" |
        sed -n "/\"issuer\":\"$old\"/s/^{\"serial\":\"\([0-9a-f]*\)\".*/\1/p"
}

# 1. From now on nothing is issued under the stolen key.
if [ -n "${OLD_ISSUER:-}" ]; then
    old=$OLD_ISSUER
else
    old=$(present_issuer)
    # The root signs its list first: an issuer that is made once there is a list names it, so that the new one can be revoked one day too.
    ca-server authority root-list "$authority" --config "$config" \
        --root-key "$root_key" --root-passphrase-file "$root_passphrase"
    echo "the issuer $old of authority $authority is replaced" >&2
    ca-server authority rotate "$authority" --config "$config" \
        --root-key "$root_key" --root-passphrase-file "$root_passphrase"
fi
new=$(present_issuer)
if [ "$new" = "$old" ]; then
    echo "error: $old still issues" >&2
    exit 1
fi

# 2. The root says that the old issuer is revoked; relying parties that look at the root's list reject everything below it.
ca-server authority root-list "$authority" --revoke "$old" --reason caCompromise --config "$config" \
    --root-key "$root_key" --root-passphrase-file "$root_passphrase"

# 3. Everything that it issued is revoked. Agents see it in their renewal information and replace their certificates.
ca-server certificates revoke --issuer "$old" --reason superseded --yes --config "$config"

# 4. The server's own certificates of the old issuer, and what was under way when it was replaced and came after the first look.
for serial in $(left); do
    ca-server certificates revoke "$serial" --reason superseded --config "$config" >/dev/null
done
if [ -n "$(left)" ]; then
    echo "error: certificates of $old are still valid; run this again with OLD_ISSUER=$old" >&2
    exit 1
fi

# 5. The journal tells of all of it and is whole.
ca-server log verify --config "$config"
echo "done: $new issues; have relying parties distrust $old, whose certificate is:" >&2
echo "  $(dirname "$config")/authorities/$authority/replaced/$old.pem" >&2
