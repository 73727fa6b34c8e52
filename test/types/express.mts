// The router where people mount it, and pino where they hand it in.
import express from 'express';
import pino from 'pino';
import { cognigyEvents } from 'trunkline';

const events = cognigyEvents({ logger: pino() });
const app = express();
app.use(events.router());
app.use('/bot', events.router());
app.use(express.json());
