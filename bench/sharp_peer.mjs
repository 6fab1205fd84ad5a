// sharp as its documentation advises for many files: one thread per picture, as many pictures at once as
// there are cores, orientation applied, profile and EXIF kept. NODE_PATH names the folder that has sharp.
//
//   UV_THREADPOOL_SIZE=2 node sharp_peer.mjs IN OUT SIZE QUALITY FORMAT JOBS
import { mkdir, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const sharp = createRequire(import.meta.url)('sharp'); // NODE_PATH is honoured
const [source, target, size, quality, format, jobs] = process.argv.slice(2);
sharp.concurrency(1);
sharp.cache(false);

const entries = await readdir(source, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
let next = 0;
let failed = 0;

async function worker() {
  while (next < files.length) {
    const file = files[next++];
    const out = path.join(target, path.relative(source, file)).replace(/\.[^.]+$/, `.${format}`);
    try {
      await mkdir(path.dirname(out), { recursive: true });
      let image = sharp(file).autoOrient().keepIccProfile().keepExif();
      image = image.resize({ width: +size, height: +size, fit: 'inside', withoutEnlargement: true });
      const options = format === 'png' ? {} : { quality: +quality }; // with the quality of a PNG sharp makes a palette
      await image.toFormat(format, options).toFile(out);
    } catch (error) {
      failed += 1;
      console.error(`${file}: ${error.message}`);
    }
  }
}

await Promise.all(Array.from({ length: +jobs }, worker));
console.log(JSON.stringify({ images: files.length - failed, failed }));
