/**
 * The commands and aliases of pnpm 12 that run in place of a script of the same name, as `pnpm help -a` lists them. Without those that run the
 * script, or give way to it: test, start, stop, restart, clean, purge, tasks.
 */
export const pnpmCommands: ReadonlySet<string> = new Set(
  (
    'access add adduser approve approve-builds audit bin bugs c cache cat-file cat-index change ci ' +
    'clean-install completion config create dedupe deploy deprecate dislink dist-tag dist-tags dlx docs doctor edit ' +
    'env exec fetch find find-hash fund get help home i ic ignored-builds import info ' +
    'init install install-clean install-test issues it la lane licences licenses link list ll ln ' +
    'login logout ls m multi outdated owner owners pack pack-app patch patch-commit patch-remove peers ' +
    'permissions ping pipeline pkg prefix profile prune publish rb rebuild recursive remove repo rm ' +
    'root rt run run-script runtime s sbom se search self-update set set-script setup shim ' +
    'show ss stage star stars store team token un undeprecate uni uninstall unlink unpublish ' +
    'unstar up update upgrade v version view whoami why with xmas'
  ).split(' '),
)
