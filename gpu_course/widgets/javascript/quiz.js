function ask(model, { question, answers }, number) {
  const name = unique();
  const feedback = make("p", {
    className: "gpu-course-feedback", ariaLive: "polite",
  });
  const rows = answers.map(({ answer }) => {
    const radio = make("input", { type: "radio", name });
    const mark = make("span");
    const box = make("label", { className: "gpu-course-answer" },
      radio, make("span", {}, answer), mark);
    return { box, radio, mark };
  });
  const check = make("button", { type: "button" }, "Check");

  function tell(kind, word, text) {
    feedback.className = `gpu-course-feedback ${kind}`;
    feedback.replaceChildren(make("strong", {}, word), " ", text);
  }
  function answerNow() {
    const choice = rows.findIndex(({ radio }) => radio.checked);
    if (choice < 0) return tell("", "Choose an answer first.", "");
    const tried = model.get("tried").map((choices) => [...choices]);
    if (tried[number].at(-1) === choice) return;
    tried[number].push(choice);
    model.set("tried", tried);
    model.save_changes();
  }
  check.addEventListener("click", answerNow);
  const box = make("fieldset", {},
    make("legend", {}, `${number + 1}. ${question}`),
    ...rows.map((row) => row.box), check, feedback);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target === check) return;
    event.preventDefault();
    answerNow();
  });

  let shown;
  function show(tried) {
    const choices = tried[number], last = choices.at(-1);
    for (const choice of choices) {
      const { correct } = answers[choice];
      rows[choice].mark.textContent = correct ? "✓ right" : "✗ wrong";
    }
    if (last === undefined || last === shown) return;
    shown = last;
    rows[last].radio.checked = true;
    const { correct, feedback: text } = answers[last];
    if (correct) tell("right", "✓", text);  // which begins with "Yes"
    else tell("wrong", "✗ Wrong.", text);
  }
  const isRight = (choice) => answers[choice].correct;
  return { box, show, isRight };
}

function render({ model, el }) {
  const asked = model.get("questions").map((told, i) => ask(model, told, i));
  const score = make("p");
  el.classList.add("gpu-course");
  el.replaceChildren(...asked.map(({ box }) => box), score);
  const stops = [
    keepKeys(el),
    follow(model, ["tried"], () => {
      const tried = model.get("tried");
      asked.forEach(({ show }) => show(tried));
      const right = asked.filter(({ isRight }, i) => tried[i].some(isRight));
      const first = asked.filter(
        ({ isRight }, i) => tried[i].slice(0, 1).some(isRight));
      score.textContent = `${right.length} of ${asked.length} right, ` +
        `${first.length} at the first try.`;
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
