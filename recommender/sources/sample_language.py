"""Nothing in, six invented topics out: words, meanings and the people who read them."""

from __future__ import annotations

from recommender.sources.sample_words import Pair, Topic, words

__all__ = ["PAIRS"]

TRANSLATION = Topic(
    name="machine translation",
    categories=("cs.CL", "cs.LG"),
    field="low-resource machine translation",
    problems=words(
        """translation between distantly related languages; document-level pronoun resolution in translation; terminology
        control for translated manuals; translation of code-mixed messages; dialect-aware translation; estimation of
        translation quality without references; translation of idioms and proverbs"""
    ),
    methods=words(
        """byte-level decoders; pivot-language distillation; back-translation with noise schedules; morpheme-aware
        embeddings; constrained beam search; language-family adapters; minimum-risk reranking; glossary-conditioned
        decoding; bilingual lexicon induction"""
    ),
    objects=words(
        """parallel sentences; inflected verb forms; bilingual glossaries; target-side honorifics; translated paragraphs;
        agglutinative word forms; pivot translations; noisy web bitexts"""
    ),
    data=words("the Tamarisk bitext; LangBridge-40; the Seven Rivers corpus; ProverbPairs; the Harbour Manuals collection"),
    metrics=words("character n-gram score; adequacy ratings; -pronoun error rate; terminology accuracy; human preference"),
    applications=words(
        """public health leaflets; regional court proceedings; community newspapers; subtitle production; cross-border
        customer support"""
    ),
    gaps=words(
        """most systems presume that sentence alignments are clean; evaluation rarely leaves European language pairs;
        vocabulary learned on large languages splits small ones into letters; context beyond one sentence is thrown
        away; references written by a single translator hide acceptable variation"""
    ),
    findings=words(
        """gains concentrate on morphologically rich target languages; shared scripts matter more than shared families; {n}
        thousand sentence pairs are enough to fix word order; named entities account for {p} percent of what remains
        wrong; human post-editing time drops by {p} percent; longer context mostly helps gender and politeness"""
    ),
    claims=words(
        r"""decoding with $k$ constraints costs $O(k n \log n)$; the pivot error is bounded by the sum of both directions;
        byte-level models need at most twice the depth of subword models"""
    ),
)

SPEECH = Topic(
    name="speech recognition",
    categories=("eess.AS", "cs.CL", "cs.SD"),
    field="automatic speech recognition",
    problems=words(
        """transcription of overlapping speakers; streaming recognition under tight delay; recognition of child speech;
        keyword spotting on battery-powered devices; far-field recognition in reverberant rooms; speaker diarisation in
        long meetings; recognition of accented speech"""
    ),
    methods=words(
        """neural transducers; masked spectrogram pretraining; lattice rescoring; monotonic chunk attention; room-impulse
        augmentation; speaker-conditioned encoders; blank-penalised decoding; phone-level alignment losses; learned
        filterbanks"""
    ),
    objects=words(
        """microphone arrays; mel spectrogram frames; conversational recordings; phoneme lattices; voiced segments;
        acoustic frames; speaker turns; whispered utterances"""
    ),
    data=words(
        """the Lighthouse meetings; KitchenTalk-300h; the Marsh Radio archive; WhisperingPines; the Playground recordings"""
    ),
    metrics=words(
        """-word error rate; -diarisation error; -first-token delay; keyword recall at one false alarm per hour; -real-time
        factor"""
    ),
    applications=words(
        """hearing-aid captions; emergency call centres; classroom recordings; voice control of farm machinery; oral
        history archives"""
    ),
    gaps=words(
        """laboratory recordings say little about kitchens and trains; latency is reported without the cost of endpointing;
        training transcripts leave out hesitations and restarts; speakers over seventy are almost absent from training
        sets; overlap is treated as noise instead of as speech"""
    ),
    findings=words(
        """most errors cluster in the first {n} frames after a speaker change; reverberation hurts vowels more than
        consonants; a model with {n} million weights suffices on device; {p} percent of the errors vanish when turn
        boundaries are given; augmentation with measured rooms beats simulated ones; punctuation improves as a side
        effect"""
    ),
    claims=words(
        r"""streaming loss is bounded by the look-ahead of the encoder; alignment entropy decreases with chunk length; the
        transducer lattice admits an $O(T \log U)$ approximation"""
    ),
)

REASONING = Topic(
    name="language model reasoning",
    categories=("cs.CL", "cs.AI"),
    field="multi-step reasoning with language models",
    problems=words(
        """arithmetic reasoning over long chains; verification of intermediate steps; planning with external tools;
        detection of unsupported claims; reasoning under contradictory premises; allocation of thinking tokens;
        self-correction after a wrong step"""
    ),
    methods=words(
        """process-level reward models; step verifiers; tree-structured decoding; self-consistency voting; scratchpad
        distillation; tool-calling policies; outcome-supervised fine-tuning; symbolic checkers; curricula over proof
        depth"""
    ),
    objects=words(
        """chains of thought; intermediate derivations; word problems; tool calls; logic puzzles; partial proofs; sampled
        rationales; unsupported claims"""
    ),
    data=words("LadderMath; the Clockwork puzzles; StepAudit; Premise-Swap; the Tall Proofs set"),
    metrics=words(
        """exact-match accuracy; step-level precision; -tokens per solved problem; verifier agreement; calibration of
        stated confidence"""
    ),
    applications=words(
        """tutoring in secondary schools; spreadsheet checking; planning assistants; legal eligibility questions;
        laboratory protocol review"""
    ),
    gaps=words(
        """a right answer often rests on a wrong derivation; longer chains are bought without asking whether they pay;
        verifiers are trained on errors that models no longer make; scores move when irrelevant sentences are added;
        benchmarks leak into pretraining text"""
    ),
    findings=words(
        """the first wrong step predicts failure in {p} percent of the cases; voting saturates after {n} samples; verifiers
        transfer across domains better than solvers; shorter chains win once the budget is fixed; models notice their
        own slips but seldom act on them; difficulty is a better guide to budget than length"""
    ),
    claims=words(
        r"""majority voting converges at rate $O(1/\sqrt{n})$; depth-bounded transformers cannot verify chains of unbounded
        length; a noisy verifier helps whenever its error stays below one half"""
    ),
)

RETRIEVAL = Topic(
    name="retrieval and question answering",
    categories=("cs.IR", "cs.CL"),
    field="open-domain question answering",
    problems=words(
        """passage ranking for multi-hop questions; attribution of answers to sources; retrieval over tables and text;
        conversational query rewriting; index freshness under document churn; retrieval for rare entities; abstention on
        unanswerable questions"""
    ),
    methods=words(
        """late-interaction encoders; hard-negative mining; learned sparse expansion; query decomposition; cross-encoder
        distillation; citation-aware generation; multi-vector indexes; pseudo-relevance feedback; passage compression"""
    ),
    objects=words(
        """candidate passages; entity mentions; search queries; evidence paragraphs; inverted lists; follow-up questions;
        web tables; cited snippets"""
    ),
    data=words("HopGarden; the Archivist questions; TableTrail; QuietCorpus-5M; the Follow-Up logs"),
    metrics=words("recall at twenty; reciprocal rank; citation precision; answer overlap; -index size"),
    applications=words(
        """clinical guideline search; enterprise help desks; patent examination; library reference services; newsroom fact
        checks"""
    ),
    gaps=words(
        """retrievers trained on one collection stumble on the next; cited passages often fail to support the sentence they
        follow; pooled judgements miss most of what new systems find; stale documents outrank corrected ones; questions
        with no answer are filtered out before testing"""
    ),
    findings=words(
        """lexical matching still decides {p} percent of entity questions; two hops recover nearly all evidence; {n}
        negatives per query are as good as hundreds; half of the wrong answers cite a correct passage; compressing
        passages costs little until the last {n} sentences; readers forgive weak ranking when evidence is short"""
    ),
    claims=words(
        """late interaction separates documents that no single vector of the same size can; recall decays logarithmically
        with index churn; the rewriting problem admits a $2$-approximation"""
    ),
)

ACCESSIBLE = Topic(
    name="accessible interfaces",
    categories=("cs.HC", "cs.CY"),
    field="accessible interaction design",
    problems=words(
        """touch interaction with tremor; screen reader support for charts; caption placement in live video; gaze typing
        without calibration; cognitive load in appointment booking; navigation aid for blind pedestrians; remote
        usability testing with older adults"""
    ),
    methods=words(
        """participatory workshops; diary studies; adaptive target expansion; tactile overlays; switch-scanning predictors;
        sonification of trends; dwell-free gaze decoding; think-aloud sessions; longitudinal deployments"""
    ),
    objects=words(
        """motor-impaired participants; touch targets; screen reader users; haptic cues; caption tracks; wayfinding
        instructions; caregiver notes; interaction logs"""
    ),
    data=words("the SteadyHand traces; CaptionWalk; the Corner Shop study; GazeGarden; the Tactile Atlas"),
    metrics=words("-task completion time; -selection error; perceived workload; usability score; abandonment"),
    applications=words("ticket machines; banking for older adults; museum guides; remote rehabilitation; school timetables"),
    gaps=words(
        """guidelines are written for one impairment at a time; studies stop before people have formed habits; participants
        are asked for opinions after the design is fixed; assistive settings are buried where nobody looks; automatic
        checkers pass pages that nobody can operate"""
    ),
    findings=words(
        """participants kept {n} of the proposed changes after a month; workload falls although completion time does not;
        preferences split by onset of impairment rather than by age; {p} percent of failures begin with a missed
        confirmation; familiar layouts beat optimised ones; sound cues helped only in quiet rooms"""
    ),
    claims=words(
        r"""expected selection time follows a logarithmic law in effective width; adaptation cannot hurt when targets are
        enlarged monotonically; two independent switches suffice for $O(\log n)$ selection"""
    ),
)

ANALYTICS = Topic(
    name="visual analytics",
    categories=("cs.HC", "cs.GR"),
    field="interactive data visualisation",
    problems=words(
        """progressive rendering of large scatterplots; colour choice for categorical maps; uncertainty display in
        forecasts; recommendation of chart types; comparison of dense networks; annotation of time series; provenance of
        analysis sessions"""
    ),
    methods=words(
        """crowdsourced perception studies; density-aware sampling; linked brushing; glyph encodings; animated transitions;
        constraint-based layout; hypothetical outcome plots; declarative chart grammars; eye-tracking experiments"""
    ),
    objects=words(
        """multivariate time series; chart readers; colour palettes; node-link diagrams; quantile dotplots; dashboard
        views; brushed selections; analyst sessions"""
    ),
    data=words("the Dashboards-900 collection; PlotJudge; the Ferry Timetable study; HueBench; the Analyst Diaries"),
    metrics=words("-judgement error; reading accuracy; -time to insight; layout stability; recall of trends"),
    applications=words("flood forecasting; hospital bed planning; newsroom graphics; election reporting; fraud investigation"),
    gaps=words(
        """perception results come from charts with a dozen points; dashboards hide how uncertain their numbers are;
        layouts jump when a single record changes; recommenders imitate popular charts instead of useful ones; analysts
        leave no trace of the views they rejected"""
    ),
    findings=words(
        """readers overestimate risk in {p} percent of the static displays; animation helps only below {n} items; dotplots
        are read more accurately than error bars; palette order explains more variance than hue; experts and novices
        fail on different charts; analysts return to the first view {n} times per session"""
    ),
    claims=words(
        r"""a stable layout costs at most a constant factor of stress; density-aware sampling preserves rank with $O(\log
        n)$ points per cell; perceptual distance is not a metric under surround effects"""
    ),
)

PAIRS = (
    Pair(
        TRANSLATION,
        SPEECH,
        words(
            """self-training on unlabelled audio and text; multilingual encoders; sequence-level distillation; subword
        regularisation; cross-lingual transfer; connectionist alignment"""
        ),
        words("spoken utterances; transcripts; low-resource languages; code-switched sentences; subword units"),
    ),
    Pair(
        REASONING,
        RETRIEVAL,
        words(
            """instruction-tuned language models; retrieval-augmented prompting; answer reranking; preference optimisation;
        decomposition into sub-questions; confidence estimation"""
        ),
        words("multi-hop questions; long contexts; generated answers; supporting evidence; prompts"),
    ),
    Pair(
        ACCESSIBLE,
        ANALYTICS,
        words(
            """controlled user studies; semi-structured interviews; within-subject experiments; think-aloud protocols;
        mixed-effects analysis; interface prototypes"""
        ),
        words("participants; chart descriptions; interface prototypes; screen layouts; user sessions"),
    ),
)
