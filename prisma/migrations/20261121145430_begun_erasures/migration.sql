-- An erasure that has begun says so in a column of its own: when an account may be erased stays what it was.
ALTER TABLE "auth"."users" ADD COLUMN "erasing_until" TIMESTAMPTZ(3);
