/**
 * Makes the package that other projects install: client/dist/package, and the tarball beside it. Its sources are client/src with the folded
 * api.ts in place of the one that points at the server; they are compiled apart from the workspace, so that nothing of it can be meant.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { foldFile, openProject } from './fold.ts'

interface Manifest {
  name: string
  version: string
  dependencies: Record<string, string>
}

/** Writes the package and its tarball, and gives the tarball's path. @throws LeakError, or with the compiler's words. */
export function buildPackage(root: string): string {
  const dist = join(root, 'client/dist')
  rmSync(dist, { recursive: true, force: true })
  return pack(join(dist, 'package'), dist, buildFolder(root))
}

/** Writes client/dist/package alone, or another folder inside of client/. @throws LeakError, or with the compiler's words. */
export function buildFolder(root: string, folder = join(root, 'client/dist/package')): Manifest {
  rmSync(folder, { recursive: true, force: true })
  copySources(root, folder, foldApi(root))
  compile(root, folder)
  nameFilesAsBuilt(folder)
  const manifest = writeManifest(root, folder)
  checkImports(folder, Object.keys(manifest.dependencies))
  return manifest
}

/** The text of the published api.ts. @throws LeakError */
export function foldApi(root: string): string {
  const { project, close } = openProject(join(root, 'tsconfig.json'))
  try {
    return foldFile(project, join(root, 'client/src/api.ts'))
  } finally {
    close()
  }
}

function copySources(root: string, folder: string, folded: string): void {
  mkdirSync(join(folder, 'src'), { recursive: true })
  for (const file of globSync('*.ts', { cwd: join(root, 'client/src') })) {
    if (!file.endsWith('.test.ts')) cpSync(join(root, 'client/src', file), join(folder, 'src', file))
  }
  writeFileSync(join(folder, 'src/api.ts'), folded)
  cpSync(join(root, 'client/README.md'), join(folder, 'README.md'))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
}

/** Strict in every way: with the declarations of the dependencies checked as well, and no types but the platform's. */
function compile(root: string, folder: string): void {
  const compilerOptions = {
    noEmit: false,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    declarationMap: true,
    sourceMap: true,
    outDir: '.',
    rootDir: 'src',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: [],
    skipLibCheck: false,
  }
  const config = join(folder, 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['src'], exclude: [] }))
  const compiler = join(createRequire(join(root, 'package.json')).resolve('typescript/package.json'), '../bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', config, '--pretty', 'false'], { encoding: 'utf8' })
  rmSync(config)
  if (status !== 0) throw new Error(`The published client does not compile:\n${stdout}`)
}

/** The declarations keep the sources' `.ts`, which only the compiler's own rewriting of the code turns into `.js`. */
function nameFilesAsBuilt(folder: string): void {
  for (const file of globSync('*.d.ts', { cwd: folder })) {
    const path = join(folder, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(/((?:from|import\() ?['"]\.\/[\w-]+)\.ts(['"])/g, '$1.js$2'))
  }
}

function writeManifest(root: string, folder: string): Manifest {
  const { name, version, dependencies } = JSON.parse(readFileSync(join(root, 'client/package.json'), 'utf8')) as Manifest
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const manifest = {
    name,
    version,
    description: 'The typed client of Plinth: procedures are called as if they were local functions.',
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      './tanstack': { types: './tanstack.d.ts', default: './tanstack.js' },
      './package.json': './package.json',
    },
    files: ['*.js', '*.d.ts', '*.map', 'src', 'README.md'],
    dependencies: Object.fromEntries(Object.entries(dependencies).map(([key, version]) => [key, exact(catalog, key, version)])),
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

function exact(catalog: string, name: string, version: string): string {
  if (version !== 'catalog:') return version
  const line = catalog.split('\n').find((candidate) => candidate.replaceAll(/['\s]/g, '').startsWith(`${name}:`))
  if (!line) throw new Error(`${name} is not in the catalog`)
  return line.slice(line.lastIndexOf(':') + 1).trim()
}

/** Throws where a file of the package names a package that does not come with it, or speaks of the server's insides. */
export function checkImports(folder: string, dependencies: readonly string[]): void {
  for (const file of globSync(['*.js', '*.d.ts', 'src/*.ts'], { cwd: folder })) {
    const text = readFileSync(join(folder, file), 'utf8')
    const specifiers = [...text.matchAll(/(?:from\s+|import\s+|import\()['"]([^'"]+)['"]/g)].map(([, specifier]) => specifier ?? '')
    const foreign = specifiers.filter((specifier) => !specifier.startsWith('./') && !dependencies.includes(packageOf(specifier)))
    if (foreign.length > 0) throw new Error(`${file} of the package imports ${foreign.join(', ')}, which does not come with it`)
    const inside = /@plinth\/server|prisma|\$brand|\/server\/src\//i.exec(text)
    if (inside) throw new Error(`${file} of the package speaks of ${inside[0]}`)
  }
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function pack(folder: string, dist: string, { name, version }: Manifest): string {
  const { status, stderr } = spawnSync('npm', ['pack', '--pack-destination', dist, '--loglevel', 'error'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`)
  const made = join(dist, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
  const tarball = join(dist, 'plinth-client.tgz')
  renameSync(made, tarball)
  return tarball
}
