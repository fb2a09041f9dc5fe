// What a script makes nicer. Every page works without it: whatever is missing here stays hidden or plain there.
"use strict";

const announcement = document.getElementById("announcement");
const language = document.documentElement.lang;

document.querySelectorAll("form[data-busy]").forEach(showThatItIsBusy);
document.querySelectorAll("[data-copy]").forEach(offerToCopy);
document.querySelectorAll("[data-share]").forEach(offerToShare);
document.querySelectorAll("time[data-local]").forEach(tellLocalTime);
document.querySelectorAll("[data-held]").forEach(hold);
document.querySelectorAll("[data-seconds]").forEach(countDown);
document.querySelectorAll("[data-follow]").forEach(follow);
document.querySelectorAll("[data-places]").forEach(sendWhenFull);
document.querySelectorAll("[data-inbox]").forEach(listen);
tellWhatHappened();

function announce(words) {
  announcement.textContent = words;
}

// What stands on a page from its start is told by few screen readers; errors of a field are read with the field.
function tellWhatHappened() {
  const told = [...document.querySelectorAll(".notice, [role=alert]:not([id])")].map((one) => one.textContent.trim());
  if (told.length) {
    setTimeout(() => announce(told.join(" ")), 500);
  }
}

// The sandbox takes as long as a real gateway: a second press would ask twice.
function showThatItIsBusy(form) {
  const buttons = form.querySelectorAll("button");
  let pressed = null;
  let words = "";
  form.addEventListener("submit", (event) => {
    if (pressed || form.dataset.held) {
      event.preventDefault();
      return;
    }
    pressed = event.submitter ?? buttons[0];
    words = pressed.textContent;
    buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
    pressed.textContent = form.dataset.busy;
    announce(form.dataset.busy);
  });
  window.addEventListener("pageshow", () => {
    if (pressed) { // the reader came back
      buttons.forEach((button) => button.removeAttribute("aria-disabled"));
      pressed.textContent = words;
      pressed = null;
    }
  });
}

// Buttons that would only be refused, until the countdown that is named is over.
function hold(form) {
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => {
    button.setAttribute("aria-disabled", "true");
    button.setAttribute("aria-describedby", form.dataset.held);
  });
  document.getElementById(form.dataset.held).addEventListener("over", () => {
    delete form.dataset.held;
    buttons.forEach((button) => button.removeAttribute("aria-disabled"));
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

// The system's own sheet, where there is one: phones, mostly.
function offerToShare(button) {
  const shared = { title: button.dataset.title, url: button.dataset.share };
  if (!navigator.canShare?.(shared)) {
    return;
  }
  button.hidden = false;
  button.addEventListener("click", () => navigator.share(shared).catch(() => {})); // closed without sharing: fine
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
      text.dispatchEvent(new Event("over"));
    }
  }
}

function sendWhenFull(field) {
  const places = Number(field.dataset.places);
  let sent = digits(); // what was refused is not sent again by itself
  field.addEventListener("input", send);
  field.addEventListener("paste", takeFromText);
  fillFromMessage(field, send);

  // A whole message may be pasted: its code is the only number of so many digits in it.
  function takeFromText(event) {
    const numbers = event.clipboardData.getData("text").match(/\d+/g) ?? [];
    const codes = new Set(numbers.filter((number) => number.length === places));
    if (codes.size === 1) {
      event.preventDefault();
      [field.value] = codes;
      send();
    }
  }

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

// The line of states follows its message, as long as somebody looks and something can still become of it.
function follow(line) {
  const began = Date.now();
  again();

  function again() {
    if (["queued", "sent"].includes(line.dataset.at)) {
      setTimeout(look, Date.now() - began < 60_000 ? 2000 : 10_000); // what has not come in a minute is in no hurry
    }
  }

  async function look() {
    const answer = document.hidden ? null : await ask().catch(() => null);
    if (answer?.ok) {
      const { delivery, reason } = await answer.json();
      show(reason ?? delivery);
    }
    if (answer?.status !== 400) {
      again(); // else the code is used up or too old, and nobody waits for it
    }
  }

  function ask() {
    return fetch(line.dataset.follow, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  }

  function show(at) {
    if (at === line.dataset.at) {
      return;
    }
    line.dataset.at = at;
    line.querySelectorAll("[data-when]").forEach((words) => { words.hidden = !words.dataset.when.split(" ").includes(at); });
    line.querySelectorAll("[data-now]").forEach((step) => {
      step.toggleAttribute("aria-current", step.dataset.now.split(" ").includes(at));
    });
    const now = line.querySelector("[aria-current]");
    now.setAttribute("aria-current", "step");
    announce(`${now.innerText.trim()}. ${line.querySelector("p:not([hidden])").textContent}`);
    document.dispatchEvent(new Event("arrived"));
  }
}

// The phone beside the form shows what arrives meanwhile, as long as somebody looks. The same may arrive twice.
function listen(handset) {
  const list = handset.querySelector("[data-messages]");
  const shown = new Map();
  const oldest = list.lastElementChild;
  const since = oldest ? seconds(oldest.querySelector("time").dateTime) : 0;
  [...list.children].forEach((item) => count(shown, item.dataset.id));
  setInterval(() => { document.hidden || look(); }, 4000);
  document.addEventListener("arrived", look);

  function seconds(time) {
    return Math.floor(new Date(time) / 1000);
  }

  function belongsHere(message) { // the page begins with the newest few; what came before them is left out
    const at = seconds(message.at);
    return at > since || (at === since && message.id >= Number(oldest.dataset.id));
  }

  function count(of, id) {
    of.set(`${id}`, (of.get(`${id}`) ?? 0) + 1);
    return of.get(`${id}`);
  }

  async function look() {
    const answer = await fetch(handset.dataset.inbox, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) {
      const there = new Map();
      (await answer.json()).messages.reverse().filter(belongsHere).forEach((message) => {
        if (count(there, message.id) > (shown.get(`${message.id}`) ?? 0)) {
          count(shown, message.id);
          show(message);
        }
      });
    }
  }

  function show(message) {
    const item = handset.querySelector("template").content.firstElementChild.cloneNode(true);
    item.querySelector(".bubble").textContent = message.text;
    item.querySelector(`[data-channel="${message.channel}"]`)?.removeAttribute("hidden");
    const time = item.querySelector("time");
    time.dateTime = message.at;
    tellLocalTime(time);
    list.prepend(item);
    handset.querySelector("[data-empty]").hidden = true;
  }
}
