// better-auth with its phone-number plugin on PostgreSQL, as its documentation sets it up: node:http, two processes.
// `node server.mjs migrate` makes its tables; `node server.mjs` serves.
import cluster from "node:cluster";
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { phoneNumber } from "better-auth/plugins";
import pg from "pg";

const { DATABASE_URL, PORT, PROCESSES, CONNECTIONS, SECRET } = process.env;

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: SECRET,
  database: new pg.Pool({ connectionString: DATABASE_URL, max: Number(CONNECTIONS) }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  plugins: [
    phoneNumber({
      // The code goes back in the same answer, as Guestlist's sandbox shows it: reading it costs no further request.
      sendOTP: ({ code }, ctx) => {
        ctx.setHeader("x-code", code);
      },
      signUpOnVerification: {
        getTempEmail: (phone) => `${phone.slice(1)}@phone.example`,
        getTempName: (phone) => phone,
      },
    }),
  ],
});

if (process.argv[2] === "migrate") {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  process.exit(0);
} else if (cluster.isPrimary) {
  for (let number = 0; number < Number(PROCESSES); number++) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill();
    process.exit(0);
  });
} else {
  http.createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1");
}
