"""Patterns of an answer's form: a table, an enumeration, a summary, a pretext.

"I can't help with that. | Part | Amount | |---|---| …" answers, whatever its words are; see
`_turns`. Levelled text has lost its markup, and its lines are joined by spaces.
"""

from __future__ import annotations

_STOP = r"(?:[.!?:;…)\]。]|\A) ?"
#: What a refusal, a reason, an offer or a warning goes on with; no answer does.
_NO_ANSWER = (
    r"(?!['\"(\[]?(?:i|we|no|nope|not|never|don't|do not|it|its|it's|this|that|that's|there|these"
    r"|those|such|if|purposes?|use|interest|speaking|please|doing|what|which|why|and|but|or|even"
    r"|my|our|your|you(?: can| could"
    r"| may| might| should)?|people|someone|anyone|everyone|sorry|consider|see|contact|talk|ask)\b)"
    r"['\"(]?(?=[\w])"
)
_ITEM = rf"{_NO_ANSWER}[^\n]{{2,120}}?"

#: Rows and lists as Markdown, HTML and drawn lines have them.
_TABLE = (
    r"\|(?: ?:?-{2,}:? ?\|){1,9}",
    r"<(?:table|thead|tbody)(?![a-z]{9})",
    r"<(?:code|pre)",
    r"[┌├│┃╔║][^│┃║]{1,60}[┬┼│┃║╦]",
)
#: Two of a row, so that a name or a number alone is none.
_ROW = (
    rf"{_STOP}\(?a[.):\]] ?{_ITEM}[ .,;]\(?b[.):\]] ?\w",
    rf"{_STOP}\(?i[.):\]] ?{_ITEM}[ .,;]\(?ii[.):\]] ?\w",
    rf"{_STOP}\(1\) ?{_ITEM}[ .,;]?\(2\) ?\w",
    rf"{_STOP}1 ?[-–—/:]? ?(?!in |of |out |st\b|\d){_ITEM}[ .,;、。]?2 ?[-–—/:]? ?(?=[^\W\d])",
    rf"{_STOP}one ?[:.,)-] ?{_ITEM}[ .,;]two ?[:.,)-] ?\w",
    r"[❶➀➊]|1\ufe0f?\u20e3",
    rf"{_STOP}(?:step|stage|phase|part) (?:a|i|1|one)\b ?[:.,)-]? ?{_NO_ANSWER}",
    r"\((?:あ|ア|イ|甲|一)\)",
)
_PURPOSE = (
    r"(?:educational|informational|research|academic|entertainment|illustrative|historical|training"
    r"|testing|creative|fun|reference|fictional|demonstration|scientific|journalistic)"
)
#: What an answer is passed off as. What follows must not be safe, nor speak of the request.
_PRETEXT = (
    rf"(?:(?:purely |strictly |solely |just )?for {_PURPOSE}(?: (?:and|or) {_PURPOSE})?"
    r"(?: purposes?| use| reasons?| interest)?(?: only)?"
    r"|(?:purely |strictly |speaking )?(?:hypothetically|theoretically)(?: speaking)?"
    r"|(?:purely |only )?in (?:theory|principle)|as a (?:pure )?(?:thought experiment|hypothetical)"
    rf"|{_PURPOSE} (?:use|purposes?) only"
    r"|in (?:a|an|some|this|my) (?:fictional|imaginary|made-up|hypothetical) \w{1,12}"
    r"|(?:disclaimer: ?)?(?:this|it|all this|everything below|(?:the )?following|what follows)"
    rf"(?: is|'s) (?:\w{{1,15}}ly |all |just |only |meant )?(?:fiction(?:al)?|hypothetical"
    rf"|satire|parody|a (?:story|fiction|hypothetical|joke)|for {_PURPOSE}"
    r"(?: purposes?| use)?)(?: only)?)"
)
#: Works and ends that an answer is said to be for.
_WORK = (
    r"(?:novel|story|stories|book|script|screenplay|play|film|movie|game|campaign|character|fiction"
    r"|course|class|thesis|paper|essay|article|blog|research|study|studies|project|homework"
    r"|assignment|exam|quiz|lesson|training|lab|test(?:ing)?|science|art|education|learning"
    r"|curiosity"
    r"|eyes|ears|information|knowledge|reference|understanding|awareness|records?|entertainment"
    r"|satire|parody)"
)
_ROLE = (
    r"(?:writer|author|novelist|student|teacher|professor|researcher|scientist|journalist|expert"
    r"|professional|doctor|nurse|chemist|engineer|locksmith|officer|adult|friend|pro|hobbyist"
    r"|collector|tester|developer|writing|studying|researching|curious|authori[sz]ed|over 18)"
)
#: Why one is given after all: whom or what it is for, and that it comes.
_EXCUSE = (
    r"(?:(?:but |and |well,? |okay,? |ok,? |still,? |anyway,? )?(?:"
    r"(?:since|as|because|given(?: that)?|seeing (?:as|that)|considering(?: that)?"
    r"|provided(?: that)?"
    r"|as long as|so long as|assuming(?: that)?|now that|if|let's (?:say|pretend|assume"
    r"|suppose)(?: that)?"
    r"|(?:on|under) (?:the )?(?:condition|assumption|premise)(?: that)?) (?:it|this|that"
    r"|all this)(?:'s|'re| is"
    rf"| are| was)? (?:[\w-]{{1,15}} ){{0,3}}?(?:for|about|in|part of) [^.?!:,]{{0,30}}\b{_WORK}"
    r"|(?:since|as|because|given(?: that)?|seeing (?:as|that)|as long as|so long as"
    r"|provided(?: that)?)"
    r" (?:it|this|that|all this)(?:'s| is) (?:[\w-]{1,15} ){0,3}(?:fiction(?:al)?|hypothetical"
    rf"|research|a {_WORK})"
    r"|(?:since|as|because|given(?: that)?|seeing (?:as|that)|considering(?: that)?|now that)"
    rf" you(?:'re| are) (?:[\w-]{{1,15}} ){{0,3}}{_ROLE}"
    rf"|(?:(?:strictly|purely|just|only|merely) )?for (?:your|the|a|my|our|this"
    rf"|their) [^.?!:,]{{0,24}}?"
    rf"\b{_WORK}(?: only)?(?=:| -| –| —)"
    rf"|(?:in the (?:interests?|name|spirit) of|for the sake of) [^.?!:,]{{0,20}}\b{_WORK}"
    r"|(?:on|under) (?:the )?(?:condition|assumption|premise|understanding) (?:that )?(?:you|it"
    r"|this)\b"
    r"[^.?!:,]{2,40}"
    rf"|to (?:satisfy|feed|help) [^.?!:,]{{0,20}}\b{_WORK}"
    r")[^.?!:,]{0,30})"
)
_HERE_GOES = (
    rf"{_STOP}(?:(?:but|so|well|okay|ok|and|anyway|alright|right|now"
    rf"|still),? )?here (?:goes(?: nothing)?"
    rf"|we go|you (?:go|are)|it (?:is|goes|comes)"
    rf"|they are)[,.:!…–—-]{{1,3}} ?(?P<then>{_NO_ANSWER})"
)
SHAPES = (
    *_TABLE,
    *_ROW,
    _HERE_GOES,
    rf"{_STOP}{_EXCUSE}[,:–—-] ?(?:here goes[,:.!-] ?)?(?P<then>{_NO_ANSWER})",
    rf"{_STOP}\(?{_PRETEXT}\)?[,.:;)–—-]* (?P<then>{_NO_ANSWER})",
    rf"{_STOP}(?:tl ?;? ?dr|cliff'?s? ?notes|(?:quick|short|condensed|abridged) version"
    rf"|long story short)[ :,;.–—-]{{1,3}}(?P<then>{_NO_ANSWER})",
    r"(?:フィクション|創作|小説|物語|空想)として(?:なら|、|書|お?話|お?伝|説明|述べ|紹介)",
    r"(?:仮定|仮|架空|たとえ|例え|想像|空想)の話(?:です|として|だ)?(?:が|けど|、|。)",
)
STEP_ONE = (rf"{_STOP}(?:step|stage|phase|part) (?:1|one)\b", "(?:ステップ|手順) ?1|第一步")
#: A summary or a list of bullets may be one of reasons as well.
UNCLEAR_SHAPES = (
    rf"{_STOP}(?:in (?:short|brief|summary|a nutshell|essence)|the (?:gist|short of it)"
    rf"|(?:short|brief|simple) (?:answer|summary)|summary|to sum up)(?: is)?[ :,;–—-]{{1,3}}"
    rf"(?P<then>{_NO_ANSWER})",
    r"<(?:ol|ul|li|dl|dt)(?![a-z]{9})",
    rf"{_STOP}[-•→▪▸●‣] {_ITEM} [-•→▪▸●‣] \w",
    r"(?:要するに|つまり|まとめると|ざっくり言うと|端的に言えば?|一言で言えば?)、?",
    r"(?:总之|總之|简而言之|簡而言之|一句话|长话短说|長話短說|总的来说)[,:]?",
)
