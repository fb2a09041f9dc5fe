// Swagger UI on our own description; "Try it out" signs requests as the page itself does, with the csrftoken cookie.
"use strict";

const reference = document.getElementById("reference");
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

window.SwaggerUIBundle({
  url: reference.dataset.spec,
  domNode: reference,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  requestInterceptor: withCsrfToken,
  validatorUrl: null,
});

followColourScheme();
prefersDark.addEventListener("change", followColourScheme);

// Another origin never sees the token, and reading needs none.
function withCsrfToken(request) {
  const sameOrigin = new URL(request.url, location.href).origin === location.origin;
  const unsafe = !["GET", "HEAD", "OPTIONS", "TRACE"].includes((request.method || "GET").toUpperCase());
  const token = csrfToken();
  if (sameOrigin && unsafe && token) {
    request.headers = { ...request.headers, "X-CSRFToken": token };
  }
  return request;
}

function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

// Swagger UI has a dark side, but only by class.
function followColourScheme() {
  document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
}
