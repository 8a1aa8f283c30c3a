// Small comforts. Every page works without them: menus open on hover and focus, links can be copied by hand.
(function () {
  "use strict";

  document.documentElement.classList.add("js");

  function open(item, isOpen) {
    item.classList.toggle("is-open", isOpen);
    item.classList.toggle("is-closed", !isOpen);
    item.querySelector("button").setAttribute("aria-expanded", String(isOpen));
  }

  function closeOthers(except) {
    document.querySelectorAll(".has-sub.is-open").forEach(function (item) {
      if (item !== except) open(item, false);
    });
  }

  document.querySelectorAll(".has-sub").forEach(function (item) {
    var button = item.querySelector("button");
    var links = Array.from(item.querySelectorAll(".sub a"));
    button.addEventListener("click", function () {
      closeOthers(item);
      open(item, !item.classList.contains("is-open"));
    });
    item.addEventListener("mouseenter", function () {
      item.classList.remove("is-closed");
    });
    item.addEventListener("mouseleave", function () {
      open(item, false);
      item.classList.remove("is-closed");
    });
    item.addEventListener("focusout", function (event) {
      if (!item.contains(event.relatedTarget)) {
        open(item, false);
        item.classList.remove("is-closed");
      }
    });
    item.addEventListener("keydown", function (event) {
      var place = links.indexOf(document.activeElement);
      if (event.key === "Escape") {
        open(item, false);
        button.focus();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        open(item, true);
        var step = event.key === "ArrowDown" ? 1 : -1;
        var next = place < 0 ? (step > 0 ? 0 : links.length - 1) : (place + step + links.length) % links.length;
        if (links[next]) links[next].focus();
      }
    });
  });

  // A chosen file becomes the text of a field: what is sent is what was seen.
  document.querySelectorAll("input[type=file][data-fills]").forEach(function (input) {
    input.addEventListener("change", function () {
      var field = document.getElementById(input.dataset.fills);
      if (input.files[0]) input.files[0].text().then(function (text) { field.value = text; });
    });
  });

  document.addEventListener("click", function (event) {
    if (!event.target.closest(".has-sub")) closeOthers(null);
  });

  document.querySelectorAll("[data-copy]").forEach(function (button) {
    var field = document.getElementById(button.dataset.copy);
    var said = document.querySelector("[data-copied]");
    button.hidden = false;
    button.addEventListener("click", function () {
      field.select();
      var done = function () { said.textContent = "Copied."; };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(field.value).then(done);
      } else if (document.execCommand("copy")) {
        done();
      }
    });
  });

  // A polled part would be read out every second; only its one sentence is, and only when it changes.
  document.addEventListener("htmx:afterSwap", function () {
    var live = document.getElementById("live");
    var spoken = document.getElementById("spoken");
    if (live && spoken && spoken.textContent !== live.dataset.spoken) spoken.textContent = live.dataset.spoken;
  });
})();
