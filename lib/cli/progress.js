// Lines that tell a person how far a command is, on stderr; on a terminal the last one turns while it waits.
'use strict';

const FRAMES = ['|', '/', '-', '\\'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

class Progress {
  #stream;
  #turns;
  #text = '';
  #frame = 0;
  /** @type {NodeJS.Timeout | undefined} */ #timer;

  /** @param {NodeJS.WriteStream} [stream] */
  constructor(stream = process.stderr) {
    this.#stream = stream;
    this.#turns = stream.isTTY && process.env.TERM !== 'dumb';
  }

  /** What is being waited for; gone with the next line. @param {string} text */
  wait(text) {
    if (!this.#turns) return;
    this.#text = text;
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS);
  }

  #draw() {
    this.#frame = (this.#frame + 1) % FRAMES.length;
    this.#stream.write(`${CLEAR_LINE}${FRAMES[this.#frame]} ${this.#text.slice(0, (this.#stream.columns || Infinity) - 3)}`);
  }

  /** @param {string} text */
  line(text) {
    this.stop();
    this.#stream.write(`${text}\n`);
  }

  stop() {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.write(CLEAR_LINE);
  }
}

module.exports = { Progress };
