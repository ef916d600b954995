-- The tables of the peers: what their documentations' examples would make for the same people, teams and promises.
CREATE TYPE role AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER');
CREATE TABLE users (
  id text PRIMARY KEY,
  email text NOT NULL UNIQUE,
  name text NOT NULL,
  email_verified_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  token text NOT NULL UNIQUE,
  user_id text NOT NULL REFERENCES users (id),
  expires_at timestamptz(3) NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE TABLE teams (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE TABLE members (
  id uuid PRIMARY KEY,
  team_id uuid NOT NULL REFERENCES teams (id),
  user_id text NOT NULL REFERENCES users (id),
  role role NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  UNIQUE (team_id, user_id)
);
CREATE INDEX ON members (team_id, id);
CREATE INDEX ON members (user_id);
CREATE TABLE idempotency_keys (
  owner text NOT NULL,
  procedure text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  result jsonb,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, procedure, key)
);
CREATE TABLE activity (
  id uuid PRIMARY KEY,
  event text NOT NULL,
  actor_id text NOT NULL,
  team_id uuid NOT NULL,
  user_id text NOT NULL,
  data jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX ON activity (team_id, id);
CREATE TABLE outbox (
  seq bigserial PRIMARY KEY,
  event text NOT NULL,
  actor_id text NOT NULL,
  team_id uuid NOT NULL,
  user_id text NOT NULL,
  data jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
