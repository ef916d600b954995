-- Run once by the image of PostgreSQL, by psql, as the owner, in the database that it has just made.
\set password `cat /run/secrets/app_password`

CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

-- The application signs in as plinth_login and acts as plinth_app on each connection (DATABASE_ROLE). Neither owns anything.
CREATE ROLE plinth_app NOLOGIN;
CREATE ROLE plinth_login LOGIN PASSWORD :'password' IN ROLE plinth_app;
