#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, in secrets/; what is there already stays as it is.
#   sh docker/secrets.sh ['smtp://user:password@host:587']
# The folder is for its owner alone. The files are readable, for in a container each is mounted by itself, for a user with another id.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 700 secrets
umask 022

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
keep() { [ -e "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"; }

keep owner_password "$(random)"
keep app_password "$(random)"
keep plinth_secret "$(random)"
keep owner_url "postgresql://plinth_owner:$(cat secrets/owner_password)@postgres:5432/plinth"
keep database_url "postgresql://plinth_login:$(cat secrets/app_password)@postgres:5432/plinth"
keep mail_url "${1-}"
[ -n "$(cat secrets/mail_url)" ] || echo 'secrets/mail_url is empty: no mail goes out until it holds smtp://user:password@host:587'
