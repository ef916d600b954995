-- /readyz asks whether every migration has been applied, in the application's role. A database made for comparison has no history.
DO $$
BEGIN
  IF to_regclass('public._prisma_migrations') IS NOT NULL THEN
    GRANT SELECT ON public._prisma_migrations TO plinth_app;
  END IF;
END
$$;
