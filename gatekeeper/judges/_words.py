"""Common English words, by which a reply without small words is still told to be English.

Stems: endings are taken off before a word is looked up. Of words that other languages with Latin
letters write too ("me", "in", "was"), none is a sign of English by itself.
"""

from __future__ import annotations

import re

_COMMON = """
able about above absorb accept access account acetone acid across act action add address adventure
advice afraid after again age ago agree ahead air alarm album alone along already although always
ammonium ammunition among amongst amount anal analysis ancient angle animal answer anyone anything
anyway apart appear apple apply area argue argument arm army around array arrive art article
artificial ask asleep assist assistant attach attack attempt attractive audience audit author avoid
away awesome baby back bacteria bad bag bake balance ball band bank bar barrel base basic basket
bath battery beach beaker bean bear beat beauty become bed beef beer begin behind believe bell
belong below bend best better between beyond big bill bird birth bit bite bitter black blade blank
blast bleed blend blind block blood blow blue board boat body boil bolt bomb bomber bone book
boolean boot border boring borrow bottle bottom bowl box boy brain brake branch brave bread break
breath breathe bribe brick bridge bright bring broad broken brother brown browser brush bucket
budget bug build bullet bully bunch burglar burn bus bush business busy butter button buy byte cable
cake call calm camera camp candidate cannabis cannot capital capsule carbon card care carefully
carry cart cartridge case cash castle cat catch cause cell center centre century certain chain chair
chance change charge chart cheap check cheese chemical chest chicken chief child children chloride
chlorophyll chocolate choice choke choose chop circle city claim class clay clean clear click client
climb clock close cloth clothes cloud club coal coat cocaine code coffee coin cold collect college
color colour comb come comfort common communicate community company compare complete complex compute
computer concentrate confirm confuse connect consider contact contain content continue control
convert cook cookie cool copper copy corner correct cost cotton count counterfeit country course
court cover cow crack crash cream create credit crime crisp crop cross crowd cry crystal culture cup
current curve custom customer cut cycle daily damage dance danger dark data database date daughter
day dead deal dear death debt decide decrypt deep def degree delay delete deliver dentist depend
describe desert design desk detail detonate detonator develop device different difficult dig digital
dimension dinner direct dirt discuss dish dissolve distance distill distribute divide doctor dog
done door dose double doubt down draft drain draw dream dress drill drink drive drop drug dry duck
due during dust duty each ear early earn earth ease east easy eat economic edge educate effect
effort egg eight either electric else email emotion employee empty encourage encrypt end enemy
energy engine engineer english enjoy enough enter entire environment episode equal equipment error
escape essential establish ethanol evaporate even evening event ever every evidence evil exact
example except exercise expect experience expert explain exploit explosive expose eye face fact fail
fair faith faithful fall false familiar family famous fan far farm fast fat father fear feed feel
feet fell few fiction field fight figure file fill film filter find fine finely finger finish finite
fire firewall fish fit five fix flag flame flash flask flat flavor flesh flight float flood floor
flour flow flower fly fold follow food fool foot force foreign forest forge forget fork form fort
forward found four frame fraud free freedom fresh friend front fruit fry fuel full fun function fund
funny further fuse future game garden garlic gas gate gather general generate gentle get gift girl
give glad glass glove glue goat god gold golden gone good government grain grand grandmother grass
great green grenade grey grind ground group grow guard guess guest guide gun hack hacker hair half
hall hammer hand handle hang happen happy harass harbor hard harmful hash hate head heal health hear
heart heat heater heavy height hello help herb heroin hide high hill hinge history hit hold hole
home honest honey hope horse hospital hostage hot hotel hour house huge human hundred hungry hunt
hurry hurt husband hydrogen hydroxide hypothetical ice idea identity ignite illegal image immediate
import important improve inch include increase indeed individual industrial industry inflammation
information ingredient inject injection insert inside instead instruct instruction insult integer
intense interest internal internet investigate iron island item job join joke journalist journey
judge juice jump keep kettle key keyboard kid kidnap kill kind king kiss kitchen knee knife knock
knot know knowledge label laboratory lack lady lake lamp land landmark language large last latch
late laugh launder law lay lazy lead leaf learn least leather leave left leg legal lemon lend length
less lesson let letter level lever library licence license lie life lift light like limit line lip
list listen literature little live load loaf local lock lockpick logic login long look loose loosen
lose loss lost lot loud love low luck lunch machine mail main make making malware man manage manager
many map mark market mass master match material matter maximum maybe meal mean measure meat medical
medicine meet melt member memoir memory men mental mention merry message metal meth method middle
might mile milk mind mine minimum minute mirror miss mistake mix model modern moment money monkey
month moon moral morning mother motor mountain mouse mouth move much mud muscle museum music must
mystery nail name names narrow nation nature near neck need needle network never new news night nine
nitrate nitrogen nobody noise normal normally north nose note nothing notice null number nurse nut
oak object obtain ocean off offer office officer official often oil old onion online open operate
opinion opium opportunity order original other out outside oven over overdose own oxide oxygen pack
packet page pain paint pair pan panel paper parent park part particular party pass passport password
past paste path patient pause pay payload peace pen pencil people pepper perfect perform perhaps
period peroxide person persuade phishing phone photo physical pick picture piece pig pin pipe place
plain plan planet plant plastic plate play please plenty plot pocket poem poet point poison pole
police polite politic political politician pool poor popular port position possible post pot
potassium potato pound pour powder power practice practise precursor prepare present president press
pressure pretty prevent previous price principal principle print printf prison privacy private
problem process produce professional program project promise proof proper protect protein protest
proud provide proxy public pull pump punish purchase pure purify push put quality quantity quarter
queen query question quick quiet quite rabbit race racial racist radio rail rain raise random rapid
rapidly rare rate rather reach react reaction read ready real reason receive recent recipe recognise
recommend record red reduce refuse register regular relate relationship release religion remain
remember remove rent repair repeat replace reply report represent request require research reset
residue resource respect respond response responsible rest restaurant result return rice rich ride
rifle right ring rise river road rob robber robot rock roll roof room root rope rough round router
row rub rubber ruin rule run rush sad safe safety sail salt same sample sand satisfy sauce save saw
say scale scam scan scene schedule school science scientist screen screw screwdriver script sea
search season seat second secret section security see seed seem seen select sell send sense
sensitive sentence separate serious serve server service set seven several sexual shade shake shall
shape share sharp sheep sheet shelf shell shine ship shirt shock shoe shoot shop short should shout
show shut sick side sign silence silencer silver similar simple since sing single sister sit
situation six size skill skin skull sky slaughter sleep slice slide slip slope slow slur small smart
smell smile smoke smooth smuggle snake snow soap social society sodium soft software soil soldier
solid solvent some somebody someone something song soon sorry sort sound soup source south space
speak special speech speed spell spend spin spirit spoof spoon spread spring square stab stack stage
stain stair stalk stamp stand standard star start state statement station stay steal steam steel
stick stiff still stir stomach stone stop store storm story straight strange strangle strategy
stream street strength stretch strike string strip strong struct student study stuff subject
substance succeed such sudden sufficient sugar suggest suicide suit sulfur summary summer sun
sunlight supply support suppose surface surgery surprise sweet swim switch syringe system table
tablet tail talk tall tap tape target task taste tax tea teach teacher team tear technical technique
technology tell temperature ten tension tent term terminal territory terror terrorist test thank
that theft themselves theory therapy therefore thick thief thin thing think third those though
thought thousand thread threat threaten three throat through throw thumb thunder ticket tie tight
tighten till timber time tiny tip tire tissue title today together token told tomorrow tongue
tonight too took tool tooth top topic torch total touch toward towel tower town toxic toy track
trade tradition traditional train transfer transport trap travel treatment tree trick trigger
trinity trip trouble truck true trunk trust truth try tube turn twice twist two type ultimate
umbrella unacceptable uncle under understand unique unit universe university unless unlock until
update upon upper use user users usual valley value various vegetable vein very vessel victim video
view village violence violent virus visit voice void volume wait wake walk wall want war warm warn
wash waste watch water wave way weak weapon wear weather website wedding week weight welcome well
west wet whatever wheel whenever where whether while white whole why wide wife wild win wind window
wine wing winter wipe wire wise wish woman women wonder wood wooden wool word work worker world
worry worse worth would wound wrap wrench write wrong yard year yellow yes yesterday yet yield young
yourself zero
"""
COMMON = frozenset(_COMMON.split())

#: Words of English that are as common elsewhere.
_SHARED = """
a all am an are arm art as at bad band be best by can case data date den die do dog far fast for
gift go half hand has he her here him i if in is it land made man mare me mine no not now of on one
or over pain pan pero plan port rest ring sang sent sera ski so son take tale test thing to
transport under up us war was we will wind
"""
SHARED = frozenset(_SHARED.split())

#: Spellings that hardly any other language has at the end of a word, or anywhere in it.
_LOOKS = re.compile(
    r".(?:ing|ings|tion|tions|ness|ly|ght|ghts|ck|cks|tch|ful|ould|ough|ship|able|ities|ious|ic|ics|ised|ized)\Z"
)
_ENDING = re.compile(r"(?:'s|'t|'re|'ll|'ve|'d|ing|ers?|ed|es|ly|est|[sdy])\Z")


def looks_english(word: str) -> bool:
    """Whether a word is a common one, inflected or not, or spelled as English alone does."""
    if word in COMMON or word in SHARED or _LOOKS.search(word):
        return True
    stem = _ENDING.sub("", word)
    if len(stem) < 3 or stem == word:
        return False
    return not COMMON.isdisjoint((stem, stem + "e", stem[:-1], stem + "y"))
