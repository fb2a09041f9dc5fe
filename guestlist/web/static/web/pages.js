// What a script makes nicer. Every page works without it: whatever is missing here stays hidden or plain there.
"use strict";

const announcement = document.getElementById("announcement");
const language = document.documentElement.lang;

document.querySelectorAll("form[data-busy]").forEach(showThatItIsBusy);
document.querySelectorAll("[data-copy]").forEach(offerToCopy);
document.querySelectorAll("time[data-local]").forEach(tellLocalTime);
document.querySelectorAll("[data-seconds]").forEach(countDown);
document.querySelectorAll("[data-places]").forEach(sendWhenFull);
document.querySelectorAll("[data-inbox]").forEach(listen);

function announce(words) {
  announcement.textContent = words;
}

// The sandbox takes as long as a real gateway: a second press would ask twice.
function showThatItIsBusy(form) {
  const button = form.querySelector("button");
  const words = button.textContent;
  form.addEventListener("submit", (event) => {
    if (button.hasAttribute("aria-disabled")) {
      event.preventDefault();
      return;
    }
    button.setAttribute("aria-disabled", "true");
    button.textContent = form.dataset.busy;
    announce(form.dataset.busy);
  });
  window.addEventListener("pageshow", () => {
    button.removeAttribute("aria-disabled"); // the reader came back
    button.textContent = words;
  });
}

function offerToCopy(button) {
  if (!navigator.clipboard) {
    return; // only secure origins have one; the code is selected with one press instead
  }
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
    announce(button.dataset.copied);
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}

function tellLocalTime(time) {
  const styles = {
    time: { hour: "2-digit", minute: "2-digit" },
    day: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  };
  time.textContent = new Intl.DateTimeFormat(language, styles[time.dataset.local]).format(new Date(time.dateTime));
}

// Text that ticks; a screen reader hears it once with the field, and once when it is over.
function countDown(text) {
  const over = Date.now() + Number(text.dataset.seconds) * 1000;
  const ticking = setInterval(tick, 1000);
  tick();

  function tick() {
    const left = Math.max(0, Math.round((over - Date.now()) / 1000));
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    text.textContent = left ? text.dataset.left.replace("{time}", clock) : text.dataset.over;
    if (!left) {
      clearInterval(ticking);
      announce(text.dataset.over);
    }
  }
}

function sendWhenFull(field) {
  const places = Number(field.dataset.places);
  let sent = digits(); // what was refused is not sent again by itself
  field.addEventListener("input", send);
  fillFromMessage(field, send);

  function digits() {
    return field.value.replace(/[\s-]/g, "");
  }

  function send() {
    if (digits().length === places && digits() !== sent) {
      sent = digits();
      field.form.requestSubmit();
    }
  }
}

// WebOTP: Android's browsers offer to fill in the code of a message whose last line names this site.
async function fillFromMessage(field, send) {
  if (!("OTPCredential" in window)) {
    return;
  }
  const waiting = new AbortController();
  field.form.addEventListener("submit", () => waiting.abort());
  try {
    const found = await navigator.credentials.get({ otp: { transport: ["sms"] }, signal: waiting.signal });
    field.value = found.code;
    send();
  } catch {
    // declined, aborted or no message: the field is still there
  }
}

// The phone beside the form shows what arrives meanwhile, as long as somebody looks.
function listen(handset) {
  const list = handset.querySelector("[data-messages]");
  let newest = Number(list.firstElementChild?.dataset.id ?? 0);
  setInterval(() => { document.hidden || look(); }, 4000);

  async function look() {
    const answer = await fetch(handset.dataset.inbox, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) {
      (await answer.json()).messages.reverse().forEach(show);
    }
  }

  function show(message) {
    if (message.id <= newest) {
      return;
    }
    newest = message.id;
    const item = handset.querySelector("template").content.firstElementChild.cloneNode(true);
    item.querySelector(".bubble").textContent = message.text;
    const time = item.querySelector("time");
    time.dateTime = message.at;
    tellLocalTime(time);
    list.prepend(item);
    handset.querySelector("[data-empty]").hidden = true;
  }
}
